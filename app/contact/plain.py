"""One way of writing for what is compared: small letters, no accents, nothing invisible."""

import unicodedata

INVISIBLE = dict.fromkeys((*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xAD, 0xFEFF))


def plain(text: str) -> str:
    """``text`` folded; letters of other scripts stay what they are."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold().translate(INVISIBLE))
    return unicodedata.normalize("NFKC", "".join(c for c in apart if not unicodedata.combining(c)))
