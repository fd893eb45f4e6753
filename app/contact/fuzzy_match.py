"""Matches words that are typed with one mistake: a letter missing, extra, wrong or moved."""

from collections import defaultdict

from rapidfuzz import process
from rapidfuzz.distance import LCSseq

MIN_LENGTH = 6  # shorter words are too similar to other words to allow a mistake
MAX_LENGTH = 40  # longer text is not a word


class FuzzyWords:
    """A set of words that can be searched for exact and for similar spellings."""

    def __init__(self) -> None:
        self._words: defaultdict[str, set[str]] = defaultdict(set)  # by spelling
        self._similar: defaultdict[int, list[str]] = defaultdict(list)  # by length of the text

    def add(self, word: str, spelling: str) -> None:
        """Make ``find`` return ``word`` for text that is similar to ``spelling``."""
        size = len(spelling)
        for length in (size - 1, size, size + 1):
            if spelling not in self._words and MIN_LENGTH <= max(length, size) <= MAX_LENGTH:
                self._similar[length].append(spelling)
        self._words[spelling].add(word)

    def find(self, text: str) -> set[str]:
        """The words whose spelling is ``text``, or ``text`` with one mistake."""
        found = set(self._words.get(text, ()))
        if spellings := self._similar.get(len(text)):
            matches = process.extract(
                text, spellings, scorer=LCSseq.distance, score_cutoff=1, limit=None
            )
            found.update(*(self._words[spelling] for spelling, _, _ in matches))
        return found
