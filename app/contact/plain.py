"""One way of writing for what is compared: small letters, no accents, nothing invisible."""

import re
import unicodedata

INVISIBLE = dict.fromkeys((*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xAD, 0xFEFF))
GROWTH = 3  # a syllable of Hangul is three letters; one Arabic ligature would be eighteen
NO_LETTER = re.compile(r"[\W_]+")
FIRST_WITHOUT_SPACES = 0x0590  # from Hebrew on, words are not told apart by spaces alone


def plain(text: str) -> str:
    """``text`` folded; letters of other scripts stay what they are."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold().translate(INVISIBLE))
    letters = (char for char in apart[: GROWTH * len(text)] if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", "".join(letters))


def joined(folded: str) -> str:
    """Letters and digits alone."""
    return NO_LETTER.sub("", folded)


def unspaced(phrase: str) -> bool:
    """Whether ``phrase`` is of a script in which spaces do not tell words apart."""
    return any(ord(char) >= FIRST_WITHOUT_SPACES for char in phrase)
