"""Folds text for comparison: lower case, without accents or invisible characters.

Every character is decomposed by itself. To normalize a whole text takes the square of the
length of a run of combining marks, because Python sorts them (CPython issue 149079); these
functions take time that grows with the length of the text and no faster.
"""

import re
import unicodedata
from functools import lru_cache

INVISIBLE = dict.fromkeys((*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xAD, 0xFEFF))
MAX_GROWTH = 3  # a Hangul syllable is three letters; one Arabic ligature would be eighteen
SEPARATORS = re.compile(r"[\W_]+")
FIRST_WITHOUT_SPACES = 0x0590  # from Hebrew on, spaces alone do not separate words


def fold(text: str) -> str:
    """``text`` in lower case without accents; letters of other scripts are kept."""
    if text.isascii():
        return text.lower()
    bases = "".join(map(_bases, text.casefold().translate(INVISIBLE)))
    # No combining mark is left to sort: this only joins the parts of Hangul and the like.
    return unicodedata.normalize("NFKC", bases[: MAX_GROWTH * len(text)])


@lru_cache(maxsize=8192)
def _bases(char: str) -> str:
    """The letters of which ``char`` is made, without its combining marks."""
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part))


def letters_and_digits(folded: str) -> str:
    """``folded`` without spaces and punctuation."""
    return SEPARATORS.sub("", folded)


def is_unspaced(phrase: str) -> bool:
    """Whether ``phrase`` is of a script in which spaces do not separate words."""
    return any(ord(char) >= FIRST_WITHOUT_SPACES for char in phrase)
