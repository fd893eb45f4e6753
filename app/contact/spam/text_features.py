"""What can be seen in a text without knowing its language. Pure.

Every pattern moves forward only, so that the time grows with the length of the text.
"""

import re
import unicodedata
from itertools import pairwise

# With a scheme, with www, or a bare name; no e-mail address. An ending that is an English
# word (me, life, shop) needs a path too: people leave out the space after a full stop.
LINK = re.compile(
    r"(?:https?://|hxxps?://|www\.)([^\s/<>\"'\])]{3,253})[^\s<>\"'\])]*"
    r"|(?<![\w@.-])((?:[a-z0-9-]{1,63}\.){1,4}"
    r"(?:(?:com|net|org|io|co|ru|cn|xyz|biz|icu|vip|ly|gl|gd|cc|tk|ws)(?![\w@.-]*@)(?![\w-])"
    r"|(?:top|shop|site|online|club|info|link|click|life|store|pro|live|fun|bet|casino|loan|agency"
    r"|me)(?=/[\w-])))",
    re.IGNORECASE,
)
MARKUP = re.compile(r"\[/?(?:url|link)\b|<a\s{1,20}href|\]\(https?://", re.IGNORECASE)
SHORTENERS = frozenset(
    ("bit.ly", "t.me", "wa.me", "tinyurl.com", "cutt.ly", "telegra.ph", "is.gd", "goo.gl", "rb.gy",
     "t.co", "ow.ly", "shorturl.at", "rebrand.ly", "tiny.cc", "bit.do", "s.id", "t.ly", "v.gd",
     "chat.whatsapp.com", "discord.gg", "clck.ru", "vk.cc", "lnkd.in", "buff.ly", "linktr.ee")
)  # fmt: skip
CHEAP = ("xyz", "top", "shop", "site", "online", "club", "click", "icu", "vip", "fun", "bet",
         "casino", "loan", "cc", "tk", "ws", "store", "life", "live", "link", "buzz")  # fmt: skip
WORD = re.compile(r"[^\W\d_]{1,200}")
CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]+")
ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
STYLED = range(0x1D400, 0x1D800)  # mathematical letters, which no keyboard has


def links(text: str) -> list[str]:
    """The hosts that ``text`` links to, in lower case, in order."""
    return [(found[1] or found[2]).lower() for found in LINK.finditer(text)]


def is_disguised(host: str) -> bool:
    """A shortener, a messenger, a bare number, or an ending that is given away for cents."""
    name = host.partition(":")[0].removeprefix("www.").rstrip(".,;!?")
    return name in SHORTENERS or name.endswith(CHEAP_ENDINGS) or name.replace(".", "").isdigit()


CHEAP_ENDINGS = tuple(f".{ending}" for ending in CHEAP)


def has_link_markup(text: str) -> bool:
    """HTML or forum markup, which a form for plain words has no use for."""
    return bool(MARKUP.search(text))


def is_gibberish(text: str, *, strict: bool = False) -> bool:
    """Whether most of the longer words cannot be said aloud. ``strict``: for names, which
    may be harder to say than words are. Only Latin letters are judged.
    """
    words = [word for word in WORD.findall(text) if len(word) >= 5 and word.isascii()]
    strange = sum(_is_unsayable(word, 7 if strict else 5) for word in words)
    return strange > 0 and strange * 2 >= len(words) and not _has_other_letters(text)


def _has_other_letters(text: str) -> bool:
    return any(ord(char) > 0x24F and char.isalpha() for char in text)


def _is_unsayable(word: str, most: int) -> bool:
    if len(word) >= 8 and sum(a.islower() and b.isupper() for a, b in pairwise(word)) >= 2:
        return True
    runs = CONSONANTS.findall(word.lower())
    return max(map(len, runs), default=0) >= most and not word.isupper()


def mixes_alphabets(text: str) -> bool:
    """A word of letters from two alphabets that look alike, or of letters in costume."""
    if text.isascii():
        return False
    if any(ord(char) in STYLED for char in text):
        return True
    return any(_alphabets(word) > 1 for word in WORD.findall(text) if not word.isascii())


def _alphabets(word: str) -> int:
    found = {unicodedata.name(char, "").partition(" ")[0] for char in set(word)}
    return sum(alphabet in found for alphabet in ALPHABETS)
