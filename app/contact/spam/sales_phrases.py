"""Counts phrases that sell something, from the lists in ``sales_phrases.toml``."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from app.contact.text_normalization import fold, needs_substring_search

FILE = Path(__file__).with_suffix(".toml")


def count_phrases(text: str) -> dict[str, int]:
    """How many different phrases of each list ``text`` has. The file describes the lists."""
    folded = fold(text)
    return {name: len(set(pattern.findall(folded))) for name, pattern in _patterns().items()}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: _pattern(groups.values()) for name, groups in lists.items()}


def _pattern(groups: Iterable[list[str]]) -> re.Pattern[str]:
    """Matches the longest phrase first. ``word*`` matches all words with that beginning.

    A lookahead for the first letters of all phrases skips most positions at once.
    """
    phrases = sorted({fold(phrase) for group in groups for phrase in group}, key=len, reverse=True)
    substrings = [_words(phrase) for phrase in phrases if needs_substring_search(phrase)]
    others = [phrase for phrase in phrases if not needs_substring_search(phrase)]
    first = re.escape("".join({phrase[0] for phrase in others}))
    ends = (_words(phrase) + ("" if phrase.endswith("*") else r"(?!\w)") for phrase in others)
    whole_words = rf"(?<!\w)(?=[{first}])(?:{'|'.join(ends)})"
    return re.compile("|".join((whole_words, *substrings)))


def _words(phrase: str) -> str:
    return r"\s{1,3}".join(re.escape(word) for word in phrase.rstrip("*").split())
