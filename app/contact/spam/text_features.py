"""Features of a text that do not depend on its language: links, markup, gibberish.

Each pattern is bounded, so the time is proportional to the length of the text.
"""

import re
import unicodedata
from itertools import pairwise

# With a scheme, with www, or a bare domain, but not an email address. A bare domain under a TLD
# that is an English word (me, life, shop) needs a path: people omit the space after a period.
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
CHEAP_TLDS = ("xyz", "top", "shop", "site", "online", "club", "click", "icu", "vip", "fun",
              "bet", "casino", "loan", "cc", "tk", "ws", "store", "life", "live", "link",
              "buzz")  # fmt: skip
CHEAP_SUFFIXES = tuple(f".{tld}" for tld in CHEAP_TLDS)
WORD = re.compile(r"[^\W\d_]{1,200}")
CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]+")
ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
MATHEMATICAL_LETTERS = range(0x1D400, 0x1D800)  # mathematical letters, which keyboards do not have


def link_hosts(text: str) -> list[str]:
    """The hosts that ``text`` links to, in lower case, in order."""
    return [(match[1] or match[2]).lower() for match in LINK.finditer(text)]


def is_disguised(host: str) -> bool:
    """Whether ``host`` is a link shortener, a messenger, an IP address, or under a cheap TLD."""
    name = host.partition(":")[0].removeprefix("www.").rstrip(".,;!?")
    return name in SHORTENERS or name.endswith(CHEAP_SUFFIXES) or name.replace(".", "").isdigit()


def has_link_markup(text: str) -> bool:
    """Whether ``text`` has links in HTML or forum markup, which a plain-text form does not need."""
    return bool(MARKUP.search(text))


def is_gibberish(text: str, *, strict: bool = False) -> bool:
    """Whether most of the longer words in Latin letters cannot be pronounced. ``strict``
    is for names, which may be harder to pronounce than words.
    """
    words = [word for word in WORD.findall(text) if len(word) >= 5 and word.isascii()]
    count = sum(_is_unpronounceable(word, 7 if strict else 5) for word in words)
    has_other_letters = any(ord(char) > 0x24F and char.isalpha() for char in text)
    return count > 0 and count * 2 >= len(words) and not has_other_letters


def _is_unpronounceable(word: str, consonants: int) -> bool:
    if len(word) >= 8 and sum(a.islower() and b.isupper() for a, b in pairwise(word)) >= 2:
        return True
    runs = CONSONANTS.findall(word.lower())
    return max(map(len, runs), default=0) >= consonants and not word.isupper()


def mixes_alphabets(text: str) -> bool:
    """Whether a word mixes alphabets with similar letters, or has mathematical letters."""
    if text.isascii():
        return False
    if any(ord(char) in MATHEMATICAL_LETTERS for char in text):
        return True
    return any(_alphabets(word) > 1 for word in WORD.findall(text) if not word.isascii())


def _alphabets(word: str) -> int:
    names = {unicodedata.name(char, "").partition(" ")[0] for char in set(word)}
    return sum(alphabet in names for alphabet in ALPHABETS)
