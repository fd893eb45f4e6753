"""A page is made once and sent in the smallest form that a browser takes."""

import gzip

import brotli
import pytest
from flask import Flask

from app.web.cache import RenderCache, Representation

BODY = b"<p>calm words</p>" * 500


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("", None),
        ("deflate", None),
        ("identity", None),
    ],
)
def test_the_client_chooses_the_encoding(site: Flask, accepted: str, coding: str | None) -> None:
    plain = site.test_client().get("/page").data
    response = site.test_client().get("/page", headers={"Accept-Encoding": accepted})
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert unpack(response.data) == plain


def test_a_browser_that_has_the_page_gets_no_second_copy(site: Flask) -> None:
    client = site.test_client()
    first = client.get("/page", headers={"Accept-Encoding": "br"})
    again = client.get("/page", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    for name in ("ETag", "Vary", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert client.get("/page", headers={"If-None-Match": 'W/"older"'}).status_code == 200


def test_head_says_the_same_without_a_body(site: Flask) -> None:
    client = site.test_client()
    got, head = client.get("/page"), client.head("/page")
    assert head.data == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert head.headers[name] == got.headers[name]


def test_the_smallest_brotli_replaces_the_quick_one() -> None:
    made = Representation(BODY, "text/html")
    quick = made.encoded("br")
    made.shrink()
    assert brotli.decompress(made.encoded("br")) == BODY == brotli.decompress(quick)
    assert made.encoded("br") == brotli.compress(BODY, quality=11)


def test_pictures_are_not_compressed_again(site: Flask) -> None:
    with site.test_request_context(headers={"Accept-Encoding": "br"}):
        response = Representation(b"png", "image/png").respond("no-cache")
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


def test_a_page_is_rendered_again_when_its_version_changes_or_it_grows_old(site: Flask) -> None:
    rendered: list[str] = []

    def render() -> str:
        rendered.append("once more")
        return f"page {len(rendered)}"

    seconds = [0.0]
    cache = RenderCache(max_age=300, clock=lambda: seconds[0])
    with site.test_request_context():
        assert cache.get("/", "open", render).body == b"page 1"
        assert cache.get("/", "open", render).body == b"page 1"
        assert cache.get("/", "closed", render).body == b"page 2"
        seconds[0] = 299
        assert cache.get("/", "closed", render).body == b"page 2"
        seconds[0] = 301
        assert cache.get("/", "closed", render).body == b"page 3"


def test_the_same_bytes_keep_the_encodings_already_made(site: Flask) -> None:
    cache = RenderCache(max_age=300)
    with site.test_request_context():
        first = cache.get("/", "open", lambda: "the same")
        assert cache.get("/", "closed", lambda: "the same") is first
