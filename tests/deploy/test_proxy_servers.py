"""nginx and Caddy, with the configuration in deploy/, in front of the application."""

import hashlib
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path

import brotli
import httpx
import pytest

from app.clinic import load_clinic
from app.database import Database
from app.encryption import KeyRing
from app.notices.models import Notice
from app.notices.service import add_notice
from config import ROOT
from tests.contact.conftest import GOOD
from tests.support.proxy_servers import (
    PHONE,
    ProxyServer,
    application_server,
    production_settings,
    proxy_server,
)
from tests.support.settings import ENCRYPTION_KEY
from tests.support.site import eventually, free_port, stop_site

ENCODINGS = ("br", "gzip", "identity")
# Each server sets its own values of these.
OWN_HEADERS = {"date", "server", "connection", "x-request-id"}
PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
BODY_LIMIT = 256 * 1024  # client_max_body_size
TILE = "/location/tiles/15/16384/16383.mvt"
FRESH = 20  # seconds: X-Accel-Expires
SLOW_CLIENTS = 200
MARKER = "Zanzibar-marker"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ProxyServer]:
    """Nginx with a warm page cache."""
    with _front("nginx", tmp_path_factory.mktemp("cached"), sqlite_template) as server:
        server.warm_cache()
        yield server


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ProxyServer]:
    with _front("caddy", tmp_path_factory.mktemp("caddy"), sqlite_template) as server:
        yield server


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def either(request: pytest.FixtureRequest) -> ProxyServer:
    """Nginx and Caddy in turn, for tests that apply to both."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, ProxyServer)
    return server


@contextmanager
def _front(kind: str, folder: Path, template: Path) -> Iterator[ProxyServer]:
    settings = production_settings(folder / "clinic")
    with proxy_server(
        kind, folder / "front", template, RATELIMIT_ENABLED="true", **settings
    ) as server:
        yield server


def public_paths(server: ProxyServer) -> list[str]:
    """Return the paths of every page, and of one file of each kind with its fingerprint."""
    with server.client() as visitor:
        sitemap = visitor.get("/sitemap.xml").text
        pages = [url.removeprefix(server.url) for url in re.findall("<loc>([^<]+)", sitemap)]
        files = re.findall(r'"(/[^"]+\?v=[0-9a-f]+)"', visitor.get("/location").text)
    assert len(pages) >= 9
    assert {path.partition("?")[0] for path in files} >= {"/static/site.js", "/location/map.svg"}
    return [*pages, *files, "/sitemap.xml", "/robots.txt", "/favicon.svg", "/location/assets.json"]


def raw(client: httpx.Client, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request without decompressing the ``content`` of the response."""
    with client.stream(method, path, headers=headers) as response:
        response._content = b"".join(response.iter_raw())
    return response


def headers_of(response: httpx.Response) -> dict[str, str]:
    """Return the headers that must be the same from the proxy and the application."""
    return {name: value for name, value in response.headers.items() if name not in OWN_HEADERS}


def cached_keys(server: ProxyServer) -> set[str]:
    """Return the keys in nginx's page cache."""
    files = [file for file in server.cache.rglob("*") if file.is_file()]
    return {
        key.decode()
        for file in files
        for key in re.findall(rb"^KEY: (.*)$", file.read_bytes()[:4096], re.MULTILINE)
    }


@contextmanager
def direct(server: ProxyServer) -> Iterator[httpx.Client]:
    """Yield a client that sends requests to the application as the proxy does."""
    headers = {**PROXIED, "Host": server.url.removeprefix("https://")}
    with httpx.Client(base_url=server.site.url, headers=headers, trust_env=False) as client:
        yield client


def test_cached_responses_equal_those_of_the_application_in_every_encoding(
    nginx: ProxyServer,
) -> None:
    with nginx.client() as visitor, direct(nginx) as application:
        for path in public_paths(nginx):
            for encoding in ENCODINGS:
                for method in ("GET", "HEAD"):
                    headers = {"Accept-Encoding": encoding}
                    response = raw(visitor, path, method, **headers)
                    expected = raw(application, path, method, **headers)
                    assert response.status_code == expected.status_code == 200, path
                    # The Brotli size differs: a fast encoding first, the smallest later.
                    sizes = {"content-length"} if encoding == "br" else set()
                    assert _without(sizes, response) == _without(
                        sizes | {"x-accel-expires"}, expected
                    ), path
                    assert _plain(response) == _plain(expected), path
                    assert "x-request-id" not in response.headers, path


def _without(names: set[str], response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in headers_of(response).items() if name not in names}


def _plain(response: httpx.Response) -> bytes:
    """Return the content, without Brotli."""
    if response.headers.get("content-encoding") == "br" and response.content:
        return bytes(brotli.decompress(response.content))
    return response.content


def test_security_and_caching_headers_of_the_application_are_unchanged(
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
def test_each_client_receives_an_encoding_that_it_accepts(
    nginx: ProxyServer, accepted: str, encoding: str | None
) -> None:
    with nginx.client() as visitor:
        response = raw(visitor, "/evidence", **{"Accept-Encoding": accepted})
        assert response.headers.get("content-encoding") == encoding
        tile = raw(visitor, f"{TILE}?v={_digest()}", **{"Accept-Encoding": accepted})
        assert tile.headers.get("content-encoding") == (encoding and "gzip")


def _digest() -> str:
    """Return the digest of the basemap in tile URLs."""
    with (ROOT / "clinic" / "basemap.pmtiles").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:10]


def test_only_public_pages_and_files_are_cached(nginx: ProxyServer) -> None:
    with nginx.client("127.0.0.5") as visitor:
        reference = visitor.post("/contact", data=GOOD).headers["location"]
        assert visitor.get(reference).headers["cache-control"] == "no-store"
        assert visitor.get("/staff/").status_code == 404
        for path in ("/healthz", "/readyz", "/healthz/outbox", "/api/", "/no-such-page"):
            assert visitor.get(path).headers.get_list("x-content-type-options") == ["nosniff"]
        assert visitor.delete("/evidence").status_code == 405
    cached = {key.partition("?")[0] for key in cached_keys(nginx)}
    private = re.compile("/(contact/.*|staff.*|healthz.*|readyz|api/(?!unavailable).*|no-.*)")
    assert "/contact" in cached
    assert not [path for path in cached if private.fullmatch(path)]


def test_unknown_query_parameters_do_not_fill_the_cache(nginx: ProxyServer) -> None:
    before = cached_keys(nginx)
    with nginx.client() as visitor:
        page = visitor.get("/evidence").content
        for number in range(20):
            for query in (f"utm_source={number}", f"v={number:x}", f"v=0&utm={number}"):
                assert visitor.get(f"/evidence?{query}").content == page
            assert visitor.get(f"/static/site.js?v={number:x}").status_code == 200
            assert visitor.get(f"/robots.txt?{number}").status_code == 200
    assert cached_keys(nginx) == before


def test_an_inquiry_is_accepted_and_rate_limits_apply_per_visitor(
    either: ProxyServer,
) -> None:
    with either.client("127.0.0.2") as visitor, either.client("127.0.0.3") as another:
        accepted = visitor.post("/contact", data=GOOD)
        assert accepted.status_code == 303
        assert "x-request-id" in accepted.headers
        assert "x-accel-expires" not in visitor.get("/").headers
        assert visitor.get(accepted.headers["location"]).status_code == 200
        statuses = set()
        for nth in range(12):
            spoofed = {"X-Forwarded-For": f"10.0.0.{nth}", "Forwarded": f"for=10.0.0.{nth}"}
            statuses.add(visitor.post("/contact", data=GOOD, headers=spoofed).status_code)
        assert 429 in statuses, "a spoofed address does not help"
        assert another.post("/contact", data=GOOD).status_code == 303


def test_a_message_that_is_too_long_is_shown_in_the_form_again(either: ProxyServer) -> None:
    with either.client("127.0.0.4") as visitor:
        response = visitor.post("/contact", data={**GOOD, "message": "<long> " * 9_000})
        assert response.status_code == 422
        assert response.text.count("&lt;long&gt;") == 9_000


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 300_000, 5_000_000])
def test_a_body_that_is_too_large_is_rejected_with_the_phone_number(
    either: ProxyServer, size: int
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with either.client("127.0.0.6", http2=False) as visitor:
        content = f"message={'x' * (size - 8)}"
        response = _until_complete(lambda: visitor.post("/contact", content=content, headers=form))
        assert response.status_code == 413
        assert re.search("shorter|too long", response.text)
        assert re.search(r'href="tel:\+1[-\d]+"', response.text)
        inquiry = {**GOOD, "message": "x" * size}
        response = _until_complete(lambda: visitor.post("/api/v1/inquiries", json=inquiry))
        assert (response.status_code, response.json()["status"]) == (413, 413)
        assert response.headers["content-type"] == "application/problem+json"


def _until_complete(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send again if the answer was cut off: over HTTP/1.1, a server that closes the connection
    while the body still arrives resets it, and what it has sent may be lost (RFC 9112, 9.6).
    """
    for _ in range(4):
        with suppress(httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
            return send()
    return send()


def test_a_body_that_is_too_large_is_rejected_over_http_2_before_it_is_sent(
    either: ProxyServer,
) -> None:
    headers = {"Content-Length": "5000000"}
    with either.client("127.0.0.6") as visitor:
        response = visitor.post("/contact", content=b"message=x", headers=headers)
        assert (response.http_version, response.status_code) == ("HTTP/2", 413)
        assert f'href="tel:{PHONE}"' in response.text
        response = visitor.post("/api/v1/inquiries", content=b"{", headers=headers)
        assert (response.status_code, response.json()["phone"]) == (413, PHONE)


def test_200_incomplete_requests_do_not_delay_others(either: ProxyServer) -> None:
    with ExitStack() as stack, either.client("127.0.0.7") as visitor:
        for number in range(SLOW_CLIENTS):
            client = stack.enter_context(_connect(either, f"127.0.0.{10 + number % 5}"))
            client.sendall(_incomplete_request(number))
        started = time.monotonic()
        for _ in range(5):
            assert visitor.get("/healthz").status_code == 200
            assert visitor.get("/contact").status_code == 200
        response = visitor.post("/contact", data={**GOOD, "message": "in the meantime"})
        assert response.status_code == 303
        assert time.monotonic() - started < 5


def _incomplete_request(number: int) -> bytes:
    """Return half of the headers, or all headers and half of the body."""
    head = b"POST /contact HTTP/1.1\r\nHost: localhost\r\n"
    if number % 2:
        return head
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n"
    return head + form + b"message=" + b"x" * 100_000


@contextmanager
def _connect(
    server: ProxyServer, address: str, receive_buffer: int | None = None
) -> Iterator[socket.socket]:
    """Yield a TLS connection from ``address``."""
    plain = socket.socket()
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.settimeout(10)
    plain.bind((address, 0))
    plain.connect(("127.0.0.1", server.port))
    with server.tls_context().wrap_socket(plain, server_hostname="localhost") as client:
        yield client


def test_nginx_writes_nothing_that_a_visitor_sent_to_disk(nginx: ProxyServer) -> None:
    """Nginx has no folders for temporary files, so a request that needs one fails."""
    other = replace(nginx, port=free_port())
    with other.started():
        _remove_temporary_folders(other)
        for http2 in (True, False):
            with other.client("127.0.0.8", http2=http2) as visitor:
                for send in (_largest_body, _many_small_chunks):
                    assert send(visitor).status_code in {413, 422}, send
        assert _slow_reader(other).count(MARKER.encode()) == 2_600
        written = [file for file in other.runtime_folder.rglob("*") if file.is_file()]
        assert not [file for file in written if MARKER.encode() in file.read_bytes()]


def test_a_request_that_needs_a_temporary_file_fails(nginx: ProxyServer) -> None:
    location = "location = /contact { client_body_buffer_size 16k; proxy_pass http://frontdesk; }"
    other = replace(nginx, port=free_port(), extra=location)
    with other.started(), other.client("127.0.0.8") as visitor:
        _remove_temporary_folders(other)
        assert _largest_body(visitor).status_code == 500


def test_the_error_logs_of_nginx_contain_no_visitor() -> None:
    """Below the level alert, its messages contain the visitor's address and the request."""
    servers = (ROOT / "deploy" / "nginx" / "frontdesk.conf").read_text().split("\nserver {")[1:]
    assert len(servers) == 4
    for server in servers:
        assert "error_log /var/log/nginx/error.log alert;" in server


def test_a_notice_is_on_cached_pages_within_a_minute_and_gone_by_itself(
    nginx: ProxyServer, request: pytest.FixtureRequest
) -> None:
    """A page is cached for 20 s, and the application reads the notices every 10 s."""
    database = Database(f"sqlite:///{nginx.folder}/frontdesk.db", KeyRing([ENCRYPTION_KEY]))
    request.addfinalizer(database.engine.dispose)
    clinic = load_clinic(Path(nginx.variables["CLINIC_DIR"]))
    pages = {(path, encoding) for path in ("/", "/evidence", "/contact") for encoding in ENCODINGS}

    def with_notice() -> set[tuple[str, str]]:
        time.sleep(0.5)
        with nginx.client() as visitor:
            texts = {
                (path, encoding): visitor.get(path, headers={"Accept-Encoding": encoding}).text
                for path, encoding in pages
            }
        return {page for page in texts if "Closed for snow" in texts[page]}

    assert with_notice() == set()  # and all of them are in the cache
    with database.session() as session:
        now = database.now(session)
        end = now + timedelta(seconds=FRESH + 5)
        notice = Notice(text="Closed for snow", starts_at=now, closed_from=now, ends_at=end)
        add_notice(session, clinic, notice, now)
    eventually(lambda: with_notice() == pages, seconds=60, what="the notice is on all pages")
    eventually(lambda: with_notice() == set(), seconds=60, what="the notice is gone")


def _remove_temporary_folders(server: ProxyServer) -> None:
    for name in ("body", "proxy"):
        (server.runtime_folder / name).rmdir()
        (server.runtime_folder / name).write_text("")  # even root cannot create a file below a file


def _largest_body(visitor: httpx.Client) -> httpx.Response:
    """Send a form of nearly 256 KiB, the maximum of the application."""
    return visitor.post("/contact", data={**GOOD, "email": "", "name": f"{MARKER} " * 16_000})


def _many_small_chunks(visitor: httpx.Client) -> httpx.Response:
    """Send a body of unknown length, 16 bytes at a time."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    chunks = (f"{MARKER}+".encode() for _ in range(10_000))
    return visitor.post("/contact", content=chain([b"message="], chunks), headers=form)


def _slow_reader(server: ProxyServer) -> bytes:
    """Read a long response with the visitor's text only after the application has sent it."""
    body = "message=" + f"{MARKER}%3C%3C%3C%3C%3C%3C%3C%3C" * 2_600
    with _connect(server, "127.0.0.9", receive_buffer=4096) as client:
        client.sendall(
            b"POST /contact HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body.encode())
        )
        time.sleep(1)
        response = b""
        while data := client.recv(65536):
            response += data
    return response


def test_a_form_that_cannot_be_saved_is_shown_again_with_its_text(nginx: ProxyServer) -> None:
    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(nginx.folder / "frontdesk.db")) as database, database:
            database.execute(f"ALTER TABLE {old} RENAME TO {new}")

    with nginx.client("127.0.0.15") as visitor:
        rename("inquiry", "renamed")
        response = visitor.post("/contact", data={**GOOD, "message": MARKER})
        rename("renamed", "inquiry")
        assert (response.status_code, MARKER in response.text) == (503, True)


def test_pages_are_served_while_the_application_is_down_and_updated_when_it_is_back(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with _front("nginx", tmp_path, sqlite_template) as server, server.client() as visitor:
        assert "in 3 encodings" in server.warm_cache()
        warm_since = time.monotonic()
        paths = public_paths(server)
        before = {
            (path, encoding): raw(visitor, path, **{"Accept-Encoding": encoding})
            for path in paths
            for encoding in ENCODINGS
        }
        stop_site(server.site)

        page = tmp_path / "clinic" / "pages" / "evidence.md"
        page.write_text(page.read_text(encoding="utf-8") + f"\n{MARKER}\n", encoding="utf-8")
        with application_server(server.folder, server.variables):
            for encoding in ENCODINGS:
                headers = {"Accept-Encoding": encoding}
                eventually(
                    lambda: MARKER in visitor.get("/evidence", headers=headers).text,  # noqa: B023
                    seconds=60,
                    what=f"the changed page in {encoding}",
                )

        time.sleep(
            max(0.0, warm_since + FRESH - time.monotonic())
        )  # all cached pages are stale now
        for (path, encoding), expected in before.items():
            if path == "/evidence":
                continue
            for method in ("GET", "HEAD"):
                response = raw(visitor, path, method, **{"Accept-Encoding": encoding})
                assert (response.status_code, headers_of(response)) == (200, headers_of(expected))
                assert response.content == (expected.content if method == "GET" else b"")
        assert MARKER in visitor.get("/evidence").text
        etag = before["/", "br"].headers["etag"]
        assert visitor.get("/", headers={"If-None-Match": etag}).status_code == 304
        _assert_unavailable(visitor.post("/contact", data=GOOD))
        _assert_unavailable(visitor.get("/a-page-that-is-not-cached"))
        _assert_unavailable(visitor.get("/static/of-another-version.js?v=0123"))
        problem = visitor.post("/api/v1/inquiries", json=GOOD)
        assert (problem.status_code, problem.json()["status"]) == (503, 503)
        assert problem.headers["content-type"] == "application/problem+json"
        assert re.search(r"\d{3}-\d{4}", problem.json()["phone"])
        assert problem.headers["retry-after"] == "60"


def _assert_unavailable(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["cache-control"]) == (503, "no-store")
    assert "may not have been saved" in response.text
    assert re.search(r'href="tel:\+[\d]+"', response.text)
    assert response.headers["retry-after"] == "60"
    assert "content-security-policy" in response.headers


def test_caddy_shows_the_phone_number_while_the_application_is_down(caddy: ProxyServer) -> None:
    stopped = replace(caddy.site, url=f"http://127.0.0.1:{free_port()}")
    server = replace(caddy, port=free_port(), site=stopped)
    with server.started(), server.client() as visitor:
        response = visitor.post("/contact", data=GOOD)
        assert (response.status_code, response.headers["retry-after"]) == (503, "60")
        assert f'href="tel:{PHONE}"' in response.text
        assert "may not have been saved" in response.text
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        problem = visitor.post("/api/v1/inquiries", json=GOOD)
        assert (problem.status_code, problem.json()["phone"]) == (503, PHONE)
        assert problem.headers["content-type"] == "application/problem+json"
