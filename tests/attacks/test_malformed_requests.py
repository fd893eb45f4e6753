"""Malformed and unusual bodies: a 4xx response or a correct interpretation, never a 500."""

import gzip
import json
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contact.conftest import GOOD
from tests.support.contact_harness import EMPTY, ContactHarness

API = "/api/v1/inquiries"
JSON = "application/json"
PROBLEM = "application/problem+json"
MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
GOOD_JSON = json.dumps(EMPTY).encode()


def _with(member: str, value: str) -> bytes:
    """Return the valid body with the raw JSON ``value`` for one member."""
    rest = {name: text for name, text in EMPTY.items() if name != member}
    return f'{json.dumps(rest)[:-1]}, "{member}": {value}}}'.encode()


NOT_JSON = {
    "empty": b"",
    "nothing but space": b" \n\t",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"name":' * 25_000,
    "deep and closed": b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "twice the same name": _with("topic", '"billing", "name": "Eve"'),
    "twice by escape": _with("topic", '"billing", "n\\u0061me": "Eve"'),
    "twice, nested": _with("topic", '{"a": 1, "a": 2}'),
    "NaN": _with("message", "NaN"),
    "Infinity": _with("message", "-Infinity"),
    "a huge integer": _with("message", "9" * 200_000),
    "two values": GOOD_JSON + GOOD_JSON,
    "a comment": GOOD_JSON + b"// x",
    "a trailing comma": GOOD_JSON[:-1] + b",}",
    "single quotes": GOOD_JSON.replace(b'"', b"'"),
    "a raw line end in a string": _with("name", '"Ada\nBcc: x"'),
    "a NUL": GOOD_JSON + b"\0",
    "UTF-8 with a BOM": b"\xef\xbb\xbf" + GOOD_JSON,
    "UTF-16": json.dumps(EMPTY).encode("utf-16"),
    "UTF-32": json.dumps(EMPTY).encode("utf-32"),
    "UTF-7": _with("name", '"Ada"') + b"+AAA-",
    "Latin-1": json.dumps({**EMPTY, "name": "Zoë"}, ensure_ascii=False).encode("latin-1"),
    "an overlong slash": _with("name", '"Ada"').replace(b"Ada", b"\xc0\xaf"),
    "a surrogate in UTF-8": _with("name", '"Ada"').replace(b"Ada", b"\xed\xa0\x80"),
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "a form": urlencode(GOOD).encode(),
}
WRONG = {
    "a number": "1e999",
    "a big float": "1" * 300 + ".0",
    "null": "null",
    "a list": '["Ada"]',
    "an object": '{"$ne": ""}',
    "a boolean": "true",
    "a lone surrogate": '"\\ud800"',
    "a swapped pair": '"\\udc00\\ud800"',
    "a prototype": '{"__proto__": {"x": 1}}',
}
KINDS = ("", "application/jsonp", "application/json5", "text/json", "application/x-json",
         "application/vnd.api+json", MULTIPART, "application/json, text/html",
         "application/json\t/x", "*/*", "application / json")  # fmt: skip


def _refused(harness: ContactHarness, response: Any, *statuses: int) -> Any:
    """Return the problem document of a response; checks that nothing was stored."""
    assert response.status_code in statuses
    assert response.content_type == PROBLEM
    assert response.json["status"] == response.status_code
    assert harness.inquiries() == 0
    return response.json


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=list(NOT_JSON))
def test_invalid_json_returns_400(contact_harness: ContactHarness, body: bytes) -> None:
    _refused(contact_harness, contact_harness.client.post(API, data=body, content_type=JSON), 400)


@pytest.mark.parametrize("value", WRONG.values(), ids=list(WRONG))
@pytest.mark.parametrize("member", ["name", "message", "topic", "phone", "__class__"])
def test_value_of_wrong_type_is_named(
    contact_harness: ContactHarness, member: str, value: str
) -> None:
    response = contact_harness.client.post(API, data=_with(member, value), content_type=JSON)
    problem = _refused(contact_harness, response, 422)
    assert [error["pointer"] for error in problem["errors"]] == [f"#/{member}"]


@pytest.mark.parametrize("kind", KINDS)
def test_unsupported_content_type_returns_415(contact_harness: ContactHarness, kind: str) -> None:
    _refused(
        contact_harness, contact_harness.client.post(API, data=GOOD_JSON, content_type=kind), 415
    )


@pytest.mark.parametrize(
    "kind",
    [f"{JSON}; charset=utf-16", f"{JSON}; charset=latin-1", f"{JSON}; charset=", f"{JSON};;;",
     "APPLICATION/JSON", f"{JSON}; boundary=x; charset=utf-8; charset=utf-7"],
)  # fmt: skip
def test_json_is_utf_8_whatever_the_charset_parameter(
    contact_harness: ContactHarness, kind: str
) -> None:
    """RFC 8259, 8.1 and 11: JSON is always UTF-8 and has no charset parameter."""
    body = json.dumps({**EMPTY, "name": "Zoë 李"}, ensure_ascii=False).encode()
    assert contact_harness.client.post(API, data=body, content_type=kind).status_code == 201
    assert contact_harness.deliver()[0].message["Subject"].endswith("Zoë 李")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "compress", "x"])
def test_compressed_body_is_never_decompressed(
    contact_harness: ContactHarness, coding: str
) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    headers = {"Content-Encoding": coding}
    response = contact_harness.client.post(API, data=bomb, content_type=JSON, headers=headers)
    _refused(contact_harness, response, 400, 415)


def _part(headers: str, text: str, end: str = "\r\n--b--\r\n") -> tuple[bytes, str]:
    return f"--b\r\n{headers}\r\n\r\n{text}{end}".encode(), f"{MULTIPART}; boundary=b"


NAME_PART = 'Content-Disposition: form-data; name="name"'
ODD_FORMS = {
    "nothing": (b"", FORM),
    "no pairs": (b"&&&&;==&=", FORM),
    "broken percents": (b"name=%&email=%zz&message=%u0041&topic=%", FORM),
    "not UTF-8": (b"name=%ff%fe&email=%c0%af&message=%ed%a0%80", FORM),
    "raw bytes": (bytes(range(256)), FORM),
    "NUL": (b"name=%00&message=%00&topic=billing%00", FORM),
    "brackets": (b"name[]=a&name[0]=b&message[$ne]=", FORM),
    "a claimed charset": (b"name=+AAA-", f"{FORM}; charset=utf-7"),
    "an unknown charset": (b"name=a", f"{FORM}; charset=nonsense"),
    "no boundary": (b"--x\r\n\r\n--x--", MULTIPART),
    "an empty boundary": (b"--\r\n\r\n----", f"{MULTIPART}; boundary="),
    "a long boundary": (b"x", f"{MULTIPART}; boundary={'b' * 5000}"),
    "a quoted boundary": (b'--a"b\r\n', f'{MULTIPART}; boundary="a\\"b"'),
    "a boundary that never comes": (b"x" * 1000, f"{MULTIPART}; boundary=y"),
    "a part without a name": _part("Content-Disposition: form-data", "x"),
    "a part without an end": _part(NAME_PART, "Ada", end=""),
    "a part in base64": _part(f"{NAME_PART}\r\nContent-Transfer-Encoding: base64", "QWRh"),
    "a part in an odd charset": _part(
        f"{NAME_PART}\r\nContent-Type: text/plain; charset=utf-7", "+AAA-"
    ),
    "no content type": (b"name=Ada", ""),
    "JSON": (GOOD_JSON, JSON),
}


@pytest.mark.parametrize(("body", "kind"), ODD_FORMS.values(), ids=list(ODD_FORMS))
def test_malformed_form_is_shown_again(
    contact_harness: ContactHarness, body: bytes, kind: str
) -> None:
    response = contact_harness.client.post("/contact", data=body, content_type=kind)
    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert contact_harness.inquiries() == 0


def test_first_value_of_a_repeated_field_counts(contact_harness: ContactHarness) -> None:
    pairs = [*EMPTY.items(), ("email", "eve@evil.example"), ("topic", "general"), ("name", "Eve")]
    response = contact_harness.client.post("/contact", data=urlencode(pairs), content_type=FORM)
    assert response.status_code == 303
    (email,) = contact_harness.deliver()
    assert email.recipients == ("billing@nullharbor.example",)
    assert b"evil" not in email.content
    assert email.message["Subject"].endswith("from Ada Example")


def test_query_string_adds_no_field(contact_harness: ContactHarness) -> None:
    response = contact_harness.client.post(
        "/contact?email=eve@evil.example&topic=general", data=EMPTY
    )
    assert response.status_code == 303
    (email,) = contact_harness.deliver()
    assert email.message["Reply-To"] == EMPTY["email"]


def test_uploaded_file_is_ignored(contact_harness: ContactHarness) -> None:
    files = {name: (BytesIO(b"MZ" * 1000), "../../etc/x.exe") for name in ("name", "extra")}
    response = contact_harness.client.post("/contact", data={**EMPTY, **files})
    assert response.status_code == 422
    assert "Enter your name" in response.text
    assert "x.exe" not in response.text


@pytest.mark.parametrize("count", [51, 1000])
def test_form_with_too_many_parts_is_refused(contact_harness: ContactHarness, count: int) -> None:
    parts = {**EMPTY, **{f"field{number}": "x" for number in range(count)}}
    response = contact_harness.client.post("/contact", data=parts, content_type=MULTIPART)
    assert response.status_code == 413
    assert contact_harness.inquiries() == 0


@pytest.mark.parametrize("member", ["name", "message"])
def test_percent_escapes_are_decoded_once(contact_harness: ContactHarness, member: str) -> None:
    assert contact_harness.submit_form(**{member: "%2541%0d%0a%3Cb%3E"}).status_code == 303
    (email,) = contact_harness.deliver()
    text = email.message.get_body(("plain",))
    assert text is not None
    assert "%2541%0d%0a%3Cb%3E" in text.get_content()
