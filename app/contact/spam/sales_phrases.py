"""Phrases that sell something, told from a list in many languages: ``offers.toml``. Pure."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.contact.text_normalization import fold, is_unspaced

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Found:
    """How many different phrases of each list stand in a text: see ``offers.toml``."""

    offers: int
    subjects: int
    tone: int
    pitch: int


def found(text: str) -> Found:
    """What in ``text`` sells something."""
    words = fold(text)
    patterns = _patterns(ascii_alone=words.isascii())
    return Found(**{name: len(set(one.findall(words))) for name, one in patterns.items()})


@cache
def _patterns(*, ascii_alone: bool) -> dict[str, re.Pattern[str]]:
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: _pattern(groups.values(), ascii_alone) for name, groups in lists.items()}


def _pattern(lists: Iterable[list[str]], ascii_alone: bool) -> re.Pattern[str]:  # noqa: FBT001
    """Longest first, so that a phrase is counted whole. ``word*``: all that begin so.

    Where no word begins, and where none of the first letters stands, nothing else is tried.
    """
    phrases = sorted({fold(phrase) for one in lists for phrase in one}, key=len, reverse=True)
    if ascii_alone:  # a text of ASCII alone holds no others: a third of the time
        phrases = [phrase for phrase in phrases if phrase.isascii()]
    spaced = [phrase for phrase in phrases if not is_unspaced(phrase)]
    others = [_words(phrase) for phrase in phrases if is_unspaced(phrase)]
    first = re.escape("".join({phrase[0] for phrase in spaced}))
    starts = rf"(?<!\w)(?=[{first}])(?:{'|'.join(map(_spaced, spaced))})"
    return re.compile("|".join((starts, *others)))


def _spaced(phrase: str) -> str:
    return _words(phrase) + ("" if phrase.endswith("*") else r"(?!\w)")


def _words(phrase: str) -> str:
    return r"\s{1,3}".join(re.escape(word) for word in phrase.rstrip("*").split())
