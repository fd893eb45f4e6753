"""Public responses are rendered and compressed once, until their version changes."""

import gzip
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import brotli
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PAGES = ("/", "/first-visit", "/after-your-infusion", "/evidence", "/questions", "/privacy",
         "/accessibility", "/location", "/contact", "/favicon.svg", "/static/css/map.css",
         "/sitemap.xml", "/robots.txt", "/.well-known/security.txt")  # fmt: skip
NOT_PUBLIC = ("/healthz", "/no-such-page", "/first-visit/", "/contact/received/XXX-XXX")
ENCODINGS = ("br", "gzip", "br;q=0.2, gzip;q=0.8", "br;q=0, gzip;q=0", "identity", "*", "x" * 300)
CONDITIONS = ("same", '"other", same', '"other"', "*", "W/same")


@pytest.fixture
def flask_requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that reached Flask."""
    paths: list[str] = []
    dispatch = Flask.full_dispatch_request

    def note(self: Flask, *args: Any) -> Any:
        from flask import request

        paths.append(request.path)
        return dispatch(self, *args)

    monkeypatch.setattr(Flask, "full_dispatch_request", note)
    return paths


def parts(response: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    return response.status_code, sorted(response.headers), response.data


@pytest.mark.parametrize(("method", "proxies"), [("GET", "0"), ("HEAD", "1")])
def test_the_second_response_comes_from_the_cache(
    make_app: Callable[..., Flask], flask_requests: list[str], method: str, proxies: str
) -> None:
    for encoding in ENCODINGS:
        client = make_app(TRUSTED_PROXIES=proxies).test_client()
        headers = {"Accept-Encoding": encoding, "X-Forwarded-Proto": "https"}
        for path in PAGES if encoding == "br" else PAGES[:3]:  # one is enough for the others
            flask_requests.clear()
            first = client.open(path, method=method, headers=headers)
            again = client.open(path, method=method, headers=headers)
            assert parts(first) == parts(again), (path, encoding)
            assert "X-Request-Id" not in first.headers
            assert flask_requests == [path]


@pytest.mark.parametrize("path", ["/.well-known/security.txt", "/location/map.svg"])
def test_a_response_is_compressed_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    compressed: list[int] = []
    compress = brotli.compress

    def count(body: bytes, **options: int) -> bytes:
        compressed.append(len(body))
        return bytes(compress(body, **options))

    monkeypatch.setattr(brotli, "compress", count)
    threads = threading.active_count()
    bodies = {client.get(path, headers={"Accept-Encoding": "br"}).data for _ in range(5)}
    assert (len(bodies), len(compressed)) == (1, 1)
    assert threading.active_count() == threads


@pytest.mark.parametrize("path", NOT_PUBLIC)
def test_a_response_that_is_not_public_is_not_cached(
    client: FlaskClient, flask_requests: list[str], path: str
) -> None:
    for _ in range(3):
        response = client.get(path)
        assert "X-Accel-Expires" not in response.headers
    assert len(flask_requests) == 3


@pytest.mark.parametrize(
    ("accepted", "encoding"),
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
def test_the_client_chooses_the_encoding(
    client: FlaskClient, accepted: str, encoding: str | None
) -> None:
    plain = client.get("/privacy").data
    response = client.get("/privacy", headers={"Accept-Encoding": accepted})
    decode = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Content-Length"] == str(len(response.data))
    assert response.headers["Vary"] == "Accept-Encoding"
    assert decode(response.data) == plain


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_matching_etag_gets_a_304_response(client: FlaskClient, condition: str) -> None:
    first = client.get("/privacy", headers={"Accept-Encoding": "br"})
    tag = condition.replace("W/same", "same").replace("same", first.headers["ETag"])
    again = client.get("/privacy", headers={"If-None-Match": tag, "Accept-Encoding": "br"})
    if condition == '"other"':
        assert again.status_code == 200
        return
    assert (again.status_code, again.data) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control", "Content-Security-Policy"):
        assert again.headers[name] == first.headers[name]
    assert not {"Content-Length", "Content-Encoding", "Content-Type"} & {*again.headers.keys()}


def test_head_has_the_same_headers_without_a_body(client: FlaskClient) -> None:
    get, head = client.get("/privacy"), client.head("/privacy")
    assert head.data == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


def test_images_are_not_compressed(client: FlaskClient) -> None:
    response = client.get("/social-card.png", headers={"Accept-Encoding": "br"})
    assert response.status_code == 200
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


def test_x_accel_expires_comes_before_cache_control(client: FlaskClient) -> None:
    """Nginx obeys the first of the two."""
    names = list(client.get("/privacy").headers.keys())
    assert names.index("X-Accel-Expires") < names.index("Cache-Control")


def test_a_query_does_not_cache_a_page_twice(
    client: FlaskClient, flask_requests: list[str]
) -> None:
    plain = client.get("/privacy").data
    for query in ("utm_source=x", "v=0123456789", "a=b&c=d"):
        assert client.get(f"/privacy?{query}").data == plain
    assert flask_requests == ["/privacy"]


def test_only_the_current_fingerprint_of_a_file_is_cached_for_a_year(
    app: Flask, client: FlaskClient, flask_requests: list[str]
) -> None:
    with app.test_request_context():
        current = app.jinja_env.globals["asset"]("css/map.css")  # type: ignore[operator]
    plain = "/static/css/map.css"
    for address, forever in ((plain, False), (current, True), (f"{plain}?v=0000000000", False)):
        for _ in range(2):
            response = client.get(address)
            assert ("immutable" in response.headers["Cache-Control"]) is forever
            may_cache = "X-Accel-Expires" in response.headers
            assert may_cache is (address in (plain, current))
    assert flask_requests == [plain] * 4  # a wrong fingerprint is not cached


def test_a_longer_query_does_not_count_as_a_fingerprint(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        current = app.jinja_env.globals["asset"]("css/map.css")  # type: ignore[operator]
    client.get("/static/css/map.css")
    for number in range(3):
        response = client.get(f"{current}&x={number}")
        assert response.headers["Cache-Control"] == "no-cache"
        assert "X-Accel-Expires" not in response.headers


def test_a_new_date_empties_the_cache(app: Flask, flask_requests: list[str]) -> None:
    client = app.test_client()
    with time_machine.travel(datetime(2026, 11, 2, 4, 59, tzinfo=UTC), tick=False) as clock:
        client.get("/location")
        client.get("/location")
        clock.shift(timedelta(minutes=2))  # midnight in New York
        client.get("/location")
    assert len(flask_requests) == 2


def test_http_and_https_are_cached_separately(make_site: Callable[..., Flask]) -> None:
    client = make_site(trusted_proxies=1).test_client()
    seen = [
        client.get("/page", headers={"X-Forwarded-Proto": proto}).headers
        for proto in ("http", "https", "http", "https")
    ]
    assert ["Strict-Transport-Security" in headers for headers in seen] == [False, True] * 2


def test_responses_from_the_cache_are_counted_and_only_the_first_is_logged(
    make_site: Callable[..., Flask], logged: Callable[[], list[dict[str, Any]]]
) -> None:
    counted: list[tuple[str | None, int]] = []
    site = make_site(observe=lambda route, status, _seconds: counted.append((route, status)))
    for _ in range(3):
        site.test_client().get("/page")
    assert counted == [("/page", 200)] * 3
    assert [line["route"] for line in logged()] == ["/page"]
