"""Words that are known again when one letter is missing, too many, wrong or swapped. Pure."""

from collections import defaultdict

LONG = 6  # letters from which a slip is forgiven; shorter words are too close to others
LONGEST = (
    40  # letters; longer is no word, and trying each slip in it takes the square of its length
)


class Known:
    """Words, and how else they may be typed."""

    def __init__(self) -> None:
        self._words: dict[str, set[str]] = defaultdict(set)
        self._starts: set[str] = set()  # first two letters: most of what is typed has others

    def add(self, word: str, typed: str) -> None:
        """Know ``typed`` again as ``word``."""
        for variant in _variants(typed):
            self._words[variant].add(word)
            self._starts.add(variant[:2])

    def like(self, piece: str) -> set[str]:
        """The words that ``piece`` may be."""
        of_its_variants = (piece[:2], piece[1:3], piece[:1] + piece[2:3])
        if self._starts.isdisjoint(of_its_variants):
            return set()
        return {word for one in _variants(piece) for word in self._words.get(one, ())}


def _variants(word: str) -> set[str]:
    """``word``, and if it is long also without each one of its letters: two words that
    are one slip apart share one of these.
    """
    if not LONG <= len(word) <= LONGEST:
        return {word}
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
