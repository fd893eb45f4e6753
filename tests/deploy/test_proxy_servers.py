"""nginx and Caddy in front of the application, as visitors and their browsers meet them."""

import hashlib
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import brotli
import httpx
import pytest

from config import ROOT
from tests.contact.conftest import GOOD
from tests.support.proxy_servers import (
    PHONE,
    ProxyServer,
    application_server,
    production_settings,
    proxy_server,
)
from tests.support.site import eventually, free_port, stop_site

ENCODINGS = ("br", "gzip", "identity")
# Each server writes its own of these.
OWN_HEADERS = {"date", "server", "connection", "x-request-id"}
PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
BODY_LIMIT = 300 * 1024  # client_max_body_size
TILE = "/location/tiles/15/16384/16383.mvt"
FRESH = 20  # seconds: X-Accel-Expires
SLOW = 200
MARKER = "Zanzibar-marker"


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[ProxyServer]:
    """What both servers have to do alike."""
    with _front(request.param, tmp_path_factory.mktemp(request.param), sqlite_template) as made:
        yield made


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ProxyServer]:
    """A server whose page cache holds everything."""
    with _front("nginx", tmp_path_factory.mktemp("cached"), sqlite_template) as made:
        made.warm_cache()
        yield made


@contextmanager
def _front(kind: str, folder: Path, template: Path) -> Iterator[ProxyServer]:
    settings = production_settings(folder / "clinic")
    with proxy_server(
        kind, folder / "front", template, RATELIMIT_ENABLED="true", **settings
    ) as made:
        yield made


def addresses(front: ProxyServer) -> list[str]:
    """Every page, and one file of each kind, with the fingerprint that a page names."""
    with front.client() as visitor:
        sitemap = visitor.get("/sitemap.xml").text
        pages = [url.removeprefix(front.url) for url in re.findall("<loc>([^<]+)", sitemap)]
        files = re.findall(r'"(/[^"]+\?v=[0-9a-f]+)"', visitor.get("/location").text)
    assert len(pages) >= 9
    assert {path.partition("?")[0] for path in files} >= {"/static/site.js", "/location/map.svg"}
    return [*pages, *files, "/sitemap.xml", "/robots.txt", "/favicon.svg", "/location/parts.json"]


def raw(client: httpx.Client, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """An answer whose ``content`` is as it was sent, not decompressed."""
    with client.stream(method, path, headers=headers) as response:
        response._content = b"".join(response.iter_raw())
    return response


def headers_of(response: httpx.Response) -> dict[str, str]:
    """The headers that both servers and the application have to agree on."""
    return {name: value for name, value in response.headers.items() if name not in OWN_HEADERS}


def cached(front: ProxyServer) -> set[str]:
    """The keys of nginx's page cache."""
    files = [file for file in front.cache.rglob("*") if file.is_file()]
    return {
        key.decode()
        for file in files
        for key in re.findall(rb"^KEY: (.*)$", file.read_bytes()[:4096], re.MULTILINE)
    }


@contextmanager
def direct(front: ProxyServer) -> Iterator[httpx.Client]:
    """Requests to the application as the web server makes them."""
    headers = {**PROXIED, "Host": front.url.removeprefix("https://")}
    with httpx.Client(base_url=front.site.url, headers=headers, trust_env=False) as client:
        yield client


def test_cached_answers_are_those_of_the_application_in_every_encoding(nginx: ProxyServer) -> None:
    with nginx.client() as visitor, direct(nginx) as application:
        for path in addresses(nginx):
            for encoding in ENCODINGS:
                for method in ("GET", "HEAD"):
                    asked = {"Accept-Encoding": encoding}
                    answer = raw(visitor, path, method, **asked)
                    expected = raw(application, path, method, **asked)
                    assert answer.status_code == expected.status_code == 200, path
                    # Brotli is made twice: quickly, then in its smallest form.
                    sizes = {"content-length"} if encoding == "br" else set()
                    assert _without(sizes, answer) == _without(
                        sizes | {"x-accel-expires"}, expected
                    ), path
                    assert _plain(answer) == _plain(expected), path
                    assert "x-request-id" not in answer.headers, path


def _without(names: set[str], response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in headers_of(response).items() if name not in names}


def _plain(response: httpx.Response) -> bytes:
    """The content, without Brotli."""
    if response.headers.get("content-encoding") == "br" and response.content:
        return bytes(brotli.decompress(response.content))
    return response.content


def test_what_the_application_says_of_security_and_freshness_passes_unchanged(
    nginx: ProxyServer,
) -> None:
    with nginx.client() as visitor:
        page = raw(visitor, "/", **{"Accept-Encoding": "br"})
        assert (page.http_version, page.headers["content-encoding"]) == ("HTTP/2", "br")
        assert page.headers["strict-transport-security"].startswith("max-age=63072000")
        assert "style-src 'self' 'sha256-" in page.headers["content-security-policy"]
        assert page.headers["vary"] == "Accept-Encoding"
        assert not {"set-cookie", "x-accel-expires"} & set(page.headers)
        again = raw(visitor, "/", **{"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == page.headers["etag"]
        assert again.headers["content-security-policy"] == page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip;q=0", None),
        ("brotli", None),
        ("", None),
    ],
)
def test_each_client_gets_an_encoding_that_it_accepts(
    nginx: ProxyServer, accepted: str, encoding: str | None
) -> None:
    with nginx.client() as visitor:
        answer = raw(visitor, "/evidence", **{"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == encoding
        tile = raw(visitor, f"{TILE}?v={_digest()}", **{"Accept-Encoding": accepted})
        assert tile.headers.get("content-encoding") == (encoding and "gzip")


def _digest() -> str:
    """What the address of a tile names: another one when the map changes."""
    with (ROOT / "clinic" / "basemap.pmtiles").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:10]


def test_only_public_pages_and_files_are_kept(nginx: ProxyServer) -> None:
    with nginx.client("127.0.0.5") as visitor:
        reference = visitor.post("/contact", data=GOOD).headers["location"]
        assert visitor.get(reference).headers["cache-control"] == "no-store"
        assert visitor.get("/staff/").status_code == 404
        for path in ("/healthz", "/readyz", "/healthz/outbox", "/api/", "/no-such-page"):
            assert visitor.get(path).headers.get_list("x-content-type-options") == ["nosniff"]
        assert visitor.delete("/evidence").status_code == 405
    kept = {key.partition("?")[0] for key in cached(nginx)}
    private = re.compile("/(contact/.*|staff.*|healthz.*|readyz|api/(?!unavailable).*|no-.*)")
    assert "/contact" in kept
    assert not [path for path in kept if private.fullmatch(path)]


def test_invented_queries_do_not_fill_the_cache(nginx: ProxyServer) -> None:
    before = cached(nginx)
    with nginx.client() as visitor:
        page = visitor.get("/evidence").content
        for number in range(20):
            for query in (f"utm_source={number}", f"v={number:x}", f"v=0&utm={number}"):
                assert visitor.get(f"/evidence?{query}").content == page
            assert visitor.get(f"/static/site.js?v={number:x}").status_code == 200
            assert visitor.get(f"/robots.txt?{number}").status_code == 200
    assert cached(nginx) == before


def test_a_message_gets_through_and_limits_count_visitors_not_the_web_server(
    either: ProxyServer,
) -> None:
    with either.client("127.0.0.2") as visitor, either.client("127.0.0.3") as another:
        taken = visitor.post("/contact", data=GOOD)
        assert taken.status_code == 303
        assert "x-request-id" in taken.headers
        assert "x-accel-expires" not in visitor.get("/").headers
        assert visitor.get(taken.headers["location"]).status_code == 200
        statuses = set()
        for nth in range(12):
            pretending = {"X-Forwarded-For": f"10.0.0.{nth}", "Forwarded": f"for=10.0.0.{nth}"}
            statuses.add(visitor.post("/contact", data=GOOD, headers=pretending).status_code)
        assert 429 in statuses, "an invented address does not help"
        assert another.post("/contact", data=GOOD).status_code == 303


def test_a_long_message_comes_back_in_the_form(either: ProxyServer) -> None:
    with either.client("127.0.0.4") as visitor:
        answer = visitor.post("/contact", data={**GOOD, "message": "<long> " * 9_000})
        assert answer.status_code == 422
        assert answer.text.count("&lt;long&gt;") == 9_000


@pytest.mark.parametrize("size", [260 * 1024, BODY_LIMIT + 1, 5_000_000])
def test_a_body_that_is_too_large_is_refused_with_the_phone_number(
    either: ProxyServer, size: int
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with either.client("127.0.0.6", http2=False) as visitor:
        answer = visitor.post("/contact", content=f"message={'x' * (size - 8)}", headers=form)
        assert answer.status_code == 413
        assert re.search("shorter|too long", answer.text)
        assert re.search(r'href="tel:\+1[-\d]+"', answer.text)
        answer = visitor.post("/api/v1/inquiries", json={**GOOD, "message": "x" * size})
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused_before_it_is_sent_by_http_2(
    either: ProxyServer,
) -> None:
    announced = {"Content-Length": "5000000"}
    with either.client("127.0.0.6") as visitor:
        answer = visitor.post("/contact", content=b"message=x", headers=announced)
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 413)
        assert f'href="tel:{PHONE}"' in answer.text
        answer = visitor.post("/api/v1/inquiries", content=b"{", headers=announced)
        assert (answer.status_code, answer.json()["phone"]) == (413, PHONE)


def test_200_half_sent_requests_delay_nobody(either: ProxyServer) -> None:
    with ExitStack() as stack, either.client("127.0.0.7") as visitor:
        for number in range(SLOW):
            client = stack.enter_context(_connect(either, f"127.0.0.{10 + number % 5}"))
            client.sendall(_half_a_request(number))
        began = time.monotonic()
        for _ in range(5):
            assert visitor.get("/healthz").status_code == 200
            assert visitor.get("/contact").status_code == 200
        answer = visitor.post("/contact", data={**GOOD, "message": "in the meantime"})
        assert answer.status_code == 303
        assert time.monotonic() - began < 5


def _half_a_request(number: int) -> bytes:
    """Half of the head, or the head and half of the body."""
    head = b"POST /contact HTTP/1.1\r\nHost: localhost\r\n"
    if number % 2:
        return head
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n"
    return head + form + b"message=" + b"x" * 100_000


@contextmanager
def _connect(
    front: ProxyServer, address: str, receive_buffer: int | None = None
) -> Iterator[socket.socket]:
    """A TLS connection from ``address``."""
    plain = socket.socket()
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.settimeout(10)
    plain.bind((address, 0))
    plain.connect(("127.0.0.1", front.port))
    with front.trust().wrap_socket(plain, server_hostname="localhost") as client:
        yield client


def test_nothing_that_a_visitor_sent_is_written_to_disk_by_nginx(nginx: ProxyServer) -> None:
    """Its folders for temporary files are gone: a request that needs one would fail."""
    other = replace(nginx, port=free_port())
    with other.started():
        _take_away_temporary_folders(other)
        for http2 in (True, False):
            with other.client("127.0.0.8", http2=http2) as visitor:
                for send in (_largest_body, _many_small_chunks):
                    assert send(visitor).status_code in {413, 422}, send
        assert _slow_reader(other).count(MARKER.encode()) == 2_600
        written = [file for file in other.state.rglob("*") if file.is_file()]
        assert not [file for file in written if MARKER.encode() in file.read_bytes()]


def test_a_request_that_needs_a_temporary_file_would_be_noticed(nginx: ProxyServer) -> None:
    location = "location = /contact { client_body_buffer_size 16k; proxy_pass http://frontdesk; }"
    other = replace(nginx, port=free_port(), extra=location)
    with other.started(), other.client("127.0.0.8") as visitor:
        _take_away_temporary_folders(other)
        assert _largest_body(visitor).status_code == 500


def _take_away_temporary_folders(front: ProxyServer) -> None:
    for name in ("body", "proxy"):
        (front.state / name).rmdir()
        (front.state / name).write_text("")  # not even root can make a file below a file


def _largest_body(visitor: httpx.Client) -> httpx.Response:
    """A form of nearly 256 KiB, the most that the application accepts."""
    return visitor.post("/contact", data={**GOOD, "email": "", "name": f"{MARKER} " * 16_000})


def _many_small_chunks(visitor: httpx.Client) -> httpx.Response:
    """A body of unknown length, sent 16 bytes at a time."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    chunks = (f"{MARKER}+".encode() for _ in range(10_000))
    return visitor.post("/contact", content=chain([b"message="], chunks), headers=form)


def _slow_reader(front: ProxyServer) -> bytes:
    """A long answer with the visitor's text, read only after the application has sent it."""
    body = "message=" + f"{MARKER}%3C%3C%3C%3C%3C%3C%3C%3C" * 2_600
    with _connect(front, "127.0.0.9", receive_buffer=4096) as client:
        client.sendall(
            b"POST /contact HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body.encode())
        )
        time.sleep(1)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer


def test_a_form_that_could_not_be_saved_comes_back_with_its_text(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with _front("nginx", tmp_path, sqlite_template) as made, made.client() as visitor:
        with sqlite3.connect(made.folder / "frontdesk.db") as database:
            database.execute("ALTER TABLE inquiry RENAME TO renamed")
        answer = visitor.post("/contact", data={**GOOD, "message": MARKER})
        assert (answer.status_code, MARKER in answer.text) == (503, True)


def test_pages_outlive_the_application_and_change_with_it(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with _front("nginx", tmp_path, sqlite_template) as made, made.client() as visitor:
        assert "in 3 encodings" in made.warm_cache()
        warm_since = time.monotonic()
        paths = addresses(made)
        before = {
            (path, encoding): raw(visitor, path, **{"Accept-Encoding": encoding})
            for path in paths
            for encoding in ENCODINGS
        }
        stop_site(made.site)

        page = tmp_path / "clinic" / "pages" / "evidence.md"
        page.write_text(page.read_text(encoding="utf-8") + f"\n{MARKER}\n", encoding="utf-8")
        with application_server(made.folder, made.variables):
            for encoding in ENCODINGS:
                asked = {"Accept-Encoding": encoding}
                eventually(
                    lambda: MARKER in visitor.get("/evidence", headers=asked).text,  # noqa: B023
                    seconds=60,
                    what=f"the changed page in {encoding}",
                )

        time.sleep(max(0.0, warm_since + FRESH - time.monotonic()))  # now nothing is fresh
        for (path, encoding), expected in before.items():
            if path == "/evidence":
                continue
            for method in ("GET", "HEAD"):
                answer = raw(visitor, path, method, **{"Accept-Encoding": encoding})
                assert (answer.status_code, headers_of(answer)) == (200, headers_of(expected))
                assert answer.content == (expected.content if method == "GET" else b"")
        assert MARKER in visitor.get("/evidence").text
        etag = before["/", "br"].headers["etag"]
        assert visitor.get("/", headers={"If-None-Match": etag}).status_code == 304
        _assert_unavailable(visitor.post("/contact", data=GOOD))
        _assert_unavailable(visitor.get("/a-page-that-nobody-asked-for"))
        _assert_unavailable(visitor.get("/static/of-another-version.js?v=0123"))
        problem = visitor.post("/api/v1/inquiries", json=GOOD)
        assert (problem.status_code, problem.json()["status"]) == (503, 503)
        assert problem.headers["content-type"] == "application/problem+json"
        assert re.search(r"\d{3}-\d{4}", problem.json()["phone"])
        assert problem.headers["retry-after"] == "60"


def _assert_unavailable(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert "may not have been saved" in answer.text
    assert re.search(r'href="tel:\+[\d]+"', answer.text)
    assert answer.headers["retry-after"] == "60"
    assert "content-security-policy" in answer.headers


def test_caddy_shows_the_phone_number_while_the_application_is_down(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with _front("caddy", tmp_path, sqlite_template) as made, made.client() as visitor:
        stop_site(made.site)
        answer = visitor.post("/contact", data=GOOD)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert f'href="tel:{PHONE}"' in answer.text
        assert "may not have been saved" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        problem = visitor.post("/api/v1/inquiries", json=GOOD)
        assert (problem.status_code, problem.json()["phone"]) == (503, PHONE)
        assert problem.headers["content-type"] == "application/problem+json"
