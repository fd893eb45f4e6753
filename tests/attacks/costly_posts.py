"""Posts that are costly to parse, normalize, search or show again."""

import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote_plus

from app.web import MAX_BODY
from tests.support.contact_harness import EMPTY

API = "/api/v1/inquiries"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# Bytes of the largest body and characters of the longest message that are accepted.
LARGEST, LONGEST_MESSAGE = MAX_BODY - 2_000, 5_000


def _random_words(count: int) -> str:
    chosen = random.Random(1)
    return " ".join("".join(chosen.choices("abcdefghilmnorstu", k=7)) for _ in range(count))


SHAPES = {
    "combining marks in an order that must be sorted": "\u0301\u0316\u0327\u0334",
    "letters with many marks": "a" + "\u0301\u0316" * 200,
    "marks that decompose into marks": "\u0f73\u0f75\u0344",
    "Hangul jamo": "\u1100\u1161\u11a8",
    "Hangul syllables": "각힣",
    "a ligature of eighteen letters": "\ufdfa",
    "ligatures": "\ufb03\u3316",
    "distinct words": _random_words(40_000),
    "words close to a crisis phrase": "suicidew suicideq xsuicidal ",
    "letters spelled out": "s u i c i d ",
    "denials": "not at all not ",
    "digits": "0123456789",
    "numbers with separators": "123-45-678 4111 1111 1111 111 ",
    "labels of numbers": "ssn member id number: is: is ",
    "links": "http://a.example/ www.b.example ",
    "half a link": "a-a.a@",
    "quotes": "\"'",
    "angle brackets": "<&>",
    "emoji joined by ZWJ": "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "emoji with skin tones": "\U0001f44b\U0001f3fd\ufe0f",
    "newlines": "\r\n",
    "spaces": " ",
    "tabs and spaces": "\t ",
    "mixed alphabets": "a\u0430\u03b1",
    "an unpronounceable word": "xkcdfghj",
    "a phrase that sells": "first page of google ",
    "dots": ".",
    "at signs": "a@",
    "control characters": "\0\x1b\x7f",
    "every character": "".join(map(chr, range(0x100, 0x9000))),
}


def filled(unit: str, size: int, measure: Callable[[str], int]) -> str:
    """As many whole repetitions of ``unit`` as ``measure`` allows, or its beginning."""
    text = unit * max(1, size // measure(unit))
    while measure(text) > size:
        text = text[: len(text) * size // measure(text)]
    return text


def encoded_size(text: str) -> int:
    return len(text.encode())


def form_body(**changed: str) -> bytes:
    """The most compact encoding: escapes only the characters that must be escaped."""
    pairs = {**EMPTY, **changed}.items()
    escaped = str.maketrans({sign: quote_plus(sign) for sign in "&+%;=#"})
    return "&".join(f"{name}={text.translate(escaped)}" for name, text in pairs).encode()[:MAX_BODY]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def json_body(**changed: str) -> bytes:
    return _json({**EMPTY, **changed})[:MAX_BODY]


def form_and_json(**changed: str) -> Iterator[tuple[str, bytes, str]]:
    yield "/contact", form_body(**changed), FORM
    yield API, json_body(**changed), JSON
