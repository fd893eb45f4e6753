"""Normalizes text for comparison: lower case, without accents or invisible characters.

Each character is decomposed by itself, so the time is proportional to the length of the text.
Normalizing a whole text takes quadratic time for a run of combining marks, because Python
sorts them (CPython issue 149079).
"""

import re
import unicodedata
from functools import lru_cache

INVISIBLE = dict.fromkeys((*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xAD, 0xFEFF))
MAX_GROWTH = 3  # a Hangul syllable becomes three letters; one Arabic ligature would become 18
SEPARATORS = re.compile(r"[\W_]+")
FIRST_UNSPACED = 0x0590  # from Hebrew on, spaces alone do not separate words


def fold(text: str) -> str:
    """``text`` in lower case without accents. Letters of other scripts are kept."""
    if text.isascii():
        return text.lower()
    bases = "".join(map(_bases, text.casefold().translate(INVISIBLE)))
    # No combining mark is left to sort: this only joins the parts of Hangul and similar scripts.
    return unicodedata.normalize("NFKC", bases[: MAX_GROWTH * len(text)])


@lru_cache(maxsize=8192)
def _bases(char: str) -> str:
    """The letters that ``char`` consists of, without its combining marks."""
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part))


def letters_and_digits(folded: str) -> str:
    """``folded`` without spaces and punctuation."""
    return SEPARATORS.sub("", folded)


def is_unspaced(phrase: str) -> bool:
    """Whether ``phrase`` has a script in which spaces do not separate words."""
    return any(ord(char) >= FIRST_UNSPACED for char in phrase)
