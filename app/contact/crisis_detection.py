"""Finds phrases that may mean that someone is in danger, from the clinic's reviewed list.

A match shows the crisis lines first, marks the notification, and prevents quarantine. People in
distress type fast, so matching ignores capitals, accents, apostrophes, doubled letters and digits
used as letters, and allows one typing mistake in a long word.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby

from app.clinic.models import CrisisPhrases
from app.contact.text_normalization import (
    deletion_variants,
    fold,
    letters_and_digits,
    needs_substring_search,
)

MAX_LENGTH = 20_000  # characters that are searched: four times the longest valid message
TOKEN = re.compile(r"[^\W_]+|[.!?;:,\n]")
APOSTROPHES = dict.fromkeys(map(ord, "'`\u00b4\u02bc\u2018\u2019"))
REPEATED_LETTER = re.compile(r"(.)\1+")
DIGITS_AS_LETTERS = str.maketrans("013457", "oieast")
MIN_SPELLED_OUT = 4  # single letters in a row that make a word, like "s u i c i d e"
PREFIX_LENGTHS = range(4, 14)  # of the listed words that end in "*"


def mentions_crisis(text: str, phrases: CrisisPhrases) -> bool:
    """Whether ``text`` has a phrase of the list that is not negated.

    Searches only the beginning and the end of a text that is much too long: searching all of it
    would let one request keep a worker busy.
    """
    if len(text) > MAX_LENGTH:
        text = f"{text[: MAX_LENGTH // 2]}\n{text[-MAX_LENGTH // 2 :]}"
    return _matcher(phrases).matches(text)


class PhraseMatcher:
    """The phrases by their first word, and an index of their words."""

    def __init__(self, phrases: CrisisPhrases) -> None:
        self._negations = _normalize_words(phrases.negations)
        self._negation_fillers = _normalize_words(phrases.negation_fillers)
        self._negation_exceptions = _normalize_words(phrases.negation_exceptions)
        self._ignored_words = _normalize_words(phrases.ignored_words)
        self._phrases: defaultdict[str, list[list[str]]] = defaultdict(list)
        self._words: defaultdict[str, set[str]] = defaultdict(set)  # by deletion variant
        self._substrings: list[str] = []
        for phrase in chain.from_iterable(phrases.phrases.values()):
            self._add(_fold(phrase))

    def _add(self, phrase: str) -> None:
        if needs_substring_search(phrase):
            self._substrings.append(letters_and_digits(phrase))
            return
        words = [_normalize_word(word) for word in phrase.split()]
        self._phrases[words[0]].append(words)
        for word in words:
            for variant in deletion_variants(word.rstrip("*")):
                self._words[variant].add(word)
                if word.endswith("*"):
                    self._words[f"{variant}*"].add(word)

    def matches(self, text: str) -> bool:
        folded = _fold(text)
        letters = letters_and_digits(folded)
        if any(substring in letters for substring in self._substrings):
            return True
        tokens = [token for token in _tokens(folded) if token not in self._ignored_words]
        positions = [at for at, token in enumerate(tokens) if token[0].isalnum()]
        similar = {token: self._similar_words(token) for token in set(tokens)}
        words = [similar[tokens[at]] for at in positions]
        return any(
            self._phrase_starts(words, index) and not self._is_negated(tokens, at)
            for index, at in enumerate(positions)
            if words[index]
        )

    def _similar_words(self, token: str) -> set[str]:
        """The listed words that ``token`` may be, exactly or with one mistake."""
        prefixes = (token[:length] for length in PREFIX_LENGTHS if length < len(token))
        variants = chain(
            deletion_variants(token),
            (f"{variant}*" for prefix in prefixes for variant in deletion_variants(prefix)),
        )
        return set[str]().union(*(self._words.get(variant, ()) for variant in variants))

    def _phrase_starts(self, words: list[set[str]], index: int) -> bool:
        """Whether a phrase starts at ``index``. ``words`` has the similar words of each token."""
        phrases = chain.from_iterable(self._phrases.get(word, ()) for word in words[index])
        return any(
            len(phrase) <= len(words) - index
            and all(word in words[index + offset] for offset, word in enumerate(phrase))
            for phrase in phrases
        )

    def _is_negated(self, tokens: list[str], at: int) -> bool:
        at -= 1
        while at >= 0 and tokens[at] in self._negation_fillers:
            at -= 1
        if at < 0 or tokens[at] not in self._negations:
            return False
        return at == 0 or tokens[at - 1] not in self._negation_exceptions


_matcher = lru_cache(maxsize=4)(PhraseMatcher)


def _fold(text: str) -> str:
    return fold(text.translate(APOSTROPHES))


def _tokens(folded: str) -> Iterator[str]:
    """Words and punctuation; letters spelled out one by one are joined into a word."""
    tokens = TOKEN.findall(folded)
    for is_letter, group in groupby(tokens, lambda word: len(word) == 1 and word.isalpha()):
        run = list(group)
        if is_letter and len(run) >= MIN_SPELLED_OUT:
            run = ["".join(run)]
        yield from map(_normalize_word, run)


def _normalize_word(word: str) -> str:
    """``killll`` and ``k1ll`` become ``kil``."""
    if not word.isalpha() and any(char.isalpha() for char in word):
        word = word.translate(DIGITS_AS_LETTERS)
    return REPEATED_LETTER.sub(r"\1", word)


def _normalize_words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_normalize_word(_fold(word)) for word in words)
