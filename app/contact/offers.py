"""Phrases that sell something, told from a list in many languages: ``offers.toml``. Pure."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from app.contact.plain import joined, plain, unspaced

FILE = Path(__file__).with_suffix(".toml")
WORD = re.compile(r"[^\W_]+")
STEMS = range(2, 25)  # letters of what may stand before the star of ``word*``


def found(text: str) -> tuple[int, int]:
    """How many different offers, and how many different phrases in a sales tone."""
    offers, tones = _lists()
    folded = plain(text)
    words, run = WORD.findall(folded), joined(folded)
    return len(offers.found_in(words, run)), len(tones.found_in(words, run))


@cache
def _lists() -> "tuple[Phrases, Phrases]":
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(  # type: ignore[return-value]
        Phrases(phrase for one in lists[name].values() for phrase in one)
        for name in ("offers", "tone")
    )


class Phrases:
    """A list of phrases, looked up by their first words: quick in a text of any length."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._unspaced: list[str] = []
        self._by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for phrase in sorted(map(plain, phrases), key=len, reverse=True):
            if unspaced(phrase):
                self._unspaced.append(joined(phrase))
                continue
            words = WORD.findall(phrase)
            if phrase.endswith("*"):
                words[-1] += "*"
            self._by_first[words[0]].append(tuple(words))

    def found_in(self, words: list[str], run: str) -> set[str]:
        """The phrases in ``words``, longest first and none within another; those of scripts
        without spaces in ``run``, which is the same text joined.
        """
        found = {phrase for phrase in self._unspaced if phrase in run}
        at = 0
        while at < len(words):
            phrase = self._starting(words[at : at + 8])
            if phrase:
                found.add(" ".join(phrase))
            at += len(phrase) or 1
        return found

    def _starting(self, words: list[str]) -> tuple[str, ...]:
        fitting = (
            phrase
            for key in _keys(words[0])
            for phrase in self._by_first.get(key, ())
            if len(phrase) <= len(words) and all(map(_fits, words, phrase))
        )
        return max(fitting, key=len, default=())


def _keys(word: str) -> Iterator[str]:
    yield word
    for length in STEMS:
        if length > len(word):
            return
        yield f"{word[:length]}*"


def _fits(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted[-1] == "*" else word == wanted
