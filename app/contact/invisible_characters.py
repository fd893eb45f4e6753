"""Characters that visitors cannot see, such as those that come along when text is copied.

Apple's Contacts, Signal and PDF readers add them around names, addresses and phone numbers.
"""

import re
import unicodedata
from itertools import pairwise

# Character classes: the inside of ``[…]``, with the same meaning in Python and in ECMAScript.
SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # str.isspace()
# Line ends and control characters. Without the tab: text pasted from a table has tabs.
CONTROL = r"\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029"
# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), up to U+FFFF.
# Not str.isprintable(): to it, a letter that is newer than Python's Unicode tables is invisible.
IGNORABLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
INVISIBLE = SPACE + CONTROL + IGNORABLE
# Those above U+FFFF, which ECMAScript writes differently.
MORE_IGNORABLE = r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"

ANY_IGNORABLE = re.compile(f"[{IGNORABLE}{MORE_IGNORABLE}]")
VISIBLE = re.compile(f"[^{INVISIBLE}{MORE_IGNORABLE}]")
SEPARATOR = re.compile(r"[\t\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")  # a space, once on one line
OTHER_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]")

JOINERS = re.compile(r"[\u200b-\u200d]")  # Persian and Khmer words, Indic letters, emoji
VARIATION = re.compile(r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
TAG = re.compile(r"[\U000e0020-\U000e007f]")
BIDI_MARK = re.compile(r"[\u061c\u200e\u200f]")
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")
VIRAMA = 9  # its canonical combining class


def remove_ignorable(text: str) -> str:
    """Return ``text`` without characters that are never shown."""
    return OTHER_CONTROL.sub("", ANY_IGNORABLE.sub("", text))


def clean_line(text: str) -> str:
    """Return ``text`` without what copying adds. Joiners, variation selectors, tags and bidi marks
    are kept where they change what is shown, as in ``می‌خواهم`` and in emoji.

    Line ends are kept: the form refuses them.
    """
    text = OTHER_CONTROL.sub("", SEPARATOR.sub(" ", text))
    if ANY_IGNORABLE.search(text):
        mirrored, kept = bool(RIGHT_TO_LEFT.search(text)), [" "]
        for char, after in pairwise(f"{text} "):
            if not ANY_IGNORABLE.match(char) or _is_meaningful(kept[-1], char, after, mirrored):
                kept.append(char)
        text = "".join(kept)
    return text.strip()


def _is_meaningful(before: str, char: str, after: str, mirrored: bool) -> bool:  # noqa: FBT001
    """Return whether ``char`` changes how its neighbors are shown."""
    if before.isspace():
        return False
    if JOINERS.match(char):
        between = not before.isascii() and not after.isascii() and bool(VISIBLE.match(after))
        return between or unicodedata.combining(before) == VIRAMA
    if VARIATION.match(char):
        return not before.isascii() or after == "\N{COMBINING ENCLOSING KEYCAP}"
    if TAG.match(char):
        return before == "\N{WAVING BLACK FLAG}" or TAG.match(before) is not None
    return mirrored and BIDI_MARK.match(char) is not None
