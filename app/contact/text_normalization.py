"""Normalizes text for comparison: case, accents, invisible characters, typing mistakes.

Each character is decomposed by itself, so the time is proportional to the length of the text.
Normalizing a whole text takes quadratic time for a run of combining marks, because Python
sorts them (CPython issue 149079).
"""

import re
import unicodedata
from functools import lru_cache

from app.contact.invisible_characters import IGNORABLE, MORE_IGNORABLE

# Also joiners, variation selectors and the keycap of an emoji, which are in no combining class.
INVISIBLE = re.compile(f"[{IGNORABLE}{MORE_IGNORABLE}\u20e3]")
MAX_GROWTH = 3  # a Hangul syllable becomes three letters; one Arabic ligature would become 18
SEPARATORS = re.compile(r"[\W_]+")
FIRST_SCRIPT_WITHOUT_SPACES = 0x0590  # code point of the first such script, Hebrew
MIN_FUZZY_LENGTH = 6  # shorter words are too similar to other words to allow a mistake
MAX_FUZZY_LENGTH = 40  # longer text is not a word


def fold(text: str) -> str:
    """``text`` in lower case without accents. Letters of other scripts are kept."""
    if text.isascii():
        return text.lower()
    bases = "".join(map(_base_letters, INVISIBLE.sub("", text.casefold())))
    # No combining mark is left to sort: this only joins the parts of Hangul and similar scripts.
    return unicodedata.normalize("NFKC", bases[: MAX_GROWTH * len(text)])


@lru_cache(maxsize=8192)
def _base_letters(char: str) -> str:
    """The letters that ``char`` consists of, without its combining marks."""
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part))


def letters_and_digits(folded: str) -> str:
    """``folded`` without spaces and punctuation."""
    return SEPARATORS.sub("", folded)


def needs_substring_search(phrase: str) -> bool:
    """Whether ``phrase`` is in a script in which spaces alone do not separate words."""
    return any(ord(char) >= FIRST_SCRIPT_WITHOUT_SPACES for char in phrase)


def deletion_variants(word: str) -> set[str]:
    """``word`` and, unless it is short, ``word`` without each one of its letters.

    Two words have a variant in common exactly if they differ by at most one typing mistake: a
    letter missing, extra, wrong or moved.
    """
    variants = {word}
    if MIN_FUZZY_LENGTH <= len(word) <= MAX_FUZZY_LENGTH:
        variants.update(word[:at] + word[at + 1 :] for at in range(len(word)))
    return variants
