"""Phrases that sell something, told from a list in many languages: ``offers.toml``. Pure."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from app.contact.plain import plain

FILE = Path(__file__).with_suffix(".toml")
FIRST_WITHOUT_SPACES = 0x0590


def found(text: str) -> tuple[int, int]:
    """How many different offers, and how many different phrases in a sales tone."""
    words = plain(text)
    offers, tones = _patterns()
    return len(set(offers.findall(words))), len(set(tones.findall(words)))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return _pattern(lists["offers"].values()), _pattern(lists["tone"].values())


def _pattern(lists: Iterable[list[str]]) -> re.Pattern[str]:
    """Longest first, so that a phrase is counted whole. ``word*``: all that begin so."""
    phrases = sorted({plain(phrase) for one in lists for phrase in one}, key=len, reverse=True)
    return re.compile("|".join(_expression(phrase) for phrase in phrases))


def _expression(phrase: str) -> str:
    inner = r"\s{1,3}".join(re.escape(word) for word in phrase.rstrip("*").split())
    if ord(phrase[0]) >= FIRST_WITHOUT_SPACES:
        return inner
    return rf"(?<!\w){inner}" + ("" if phrase.endswith("*") else r"(?!\w)")
