"""Only requests for our own hosts are accepted, and no header changes an address."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.raw_http import UnreadableBody

SITE = "https://clinic.example"
OTHER_HOSTS = (
    "evil.example",
    "clinic.example.evil.example",
    "evil.example:443",
    "clinic.example@evil.example",
    "evil.example#clinic.example",
    "evil.example/clinic.example",
    "clinic.example:443:443",
    "clinic.example, evil.example",
    "clinic.example:x",
    "192.0.2.7",
    "[::1",
    "",
)
# A page, its redirect, a missing page, a path that could lead to another host, a health check,
# a file, and posts with and without a rate limit.
REQUESTS = (
    ("GET", "/contact"),
    ("GET", "/contact/"),
    ("GET", "/nowhere"),
    ("GET", "//evil.example/"),
    ("GET", "/healthz"),
    ("GET", "/static/css/print.css"),
    ("POST", "/contact"),
    ("POST", "/api/v1/inquiries"),
    ("DELETE", "/contact"),
)


@pytest.fixture
def public(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of the site at ``SITE``, behind one proxy."""
    app = make_app(
        BASE_URL=SITE, TRUSTED_PROXIES="1", EXTRA_HOSTS="Web-1, web-2", RATELIMIT_ENABLED="true"
    )
    return app.test_client()


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_another_host_is_rejected_and_not_echoed(public: FlaskClient, host: str) -> None:
    for method, path in REQUESTS:
        response = public.open(path, method=method, headers={"Host": host})
        assert response.status_code == 400, path
        assert "Location" not in response.headers
        assert "evil" not in response.text + str(response.headers)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/contact", "/first-visit", "/robots.txt"])
def test_a_cached_page_is_not_served_to_another_host(public: FlaskClient, path: str) -> None:
    for _ in range(2):
        assert public.get(path, headers={"Host": "clinic.example"}).status_code == 200
    assert public.get(path, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "9"}])
def test_the_body_of_a_rejected_request_is_not_read(
    public: FlaskClient, headers: dict[str, str]
) -> None:
    response = public.post(
        "/contact",
        headers={"Host": "evil.example", **headers},
        environ_overrides={"wsgi.input": UnreadableBody(), "wsgi.input_terminated": True},
    )
    assert response.status_code == 400


def test_another_host_is_not_logged(
    public: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    public.get("/contact", headers={"Host": "evil.example"})
    logged = capsys.readouterr().err
    assert "400" in logged
    assert "evil" not in logged


@pytest.mark.parametrize(
    "host",
    [
        "clinic.example",
        "clinic.example:443",
        "clinic.example:8443",
        "localhost",
        "127.0.0.1:8000",
        "CLINIC.example",
        "web-1",
        "web-2:8000",
    ],
)
def test_our_own_hosts_are_accepted_with_any_port(public: FlaskClient, host: str) -> None:
    for path in ("/contact", "/healthz", "/nowhere/"):
        assert public.get(path, headers={"Host": host}).status_code != 400


@pytest.mark.parametrize(
    ("host", "sent"), [("192.0.2.7", "192.0.2.7:8000"), ("2001:DB8::7", "[2001:db8::7]:8000")]
)
def test_without_base_url_the_bind_address_is_accepted(
    make_app: Callable[..., Flask], host: str, sent: str
) -> None:
    client = make_app(HOST=host).test_client()
    assert client.get("/contact", headers={"Host": sent}).status_code == 200
    assert client.get("/contact", headers={"Host": "[2001:db8::8]"}).status_code == 400


FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=https;for=192.0.2.1",
    "X-Original-URL": "/nowhere",
    "X-Rewrite-URL": "/nowhere",
}


@pytest.mark.parametrize("proxies", [0, 1])
def test_forwarded_headers_change_no_address(make_app: Callable[..., Flask], proxies: int) -> None:
    client = make_app(TRUSTED_PROXIES=str(proxies)).test_client()
    plain = client.get("/privacy/")
    forwarded = client.get("/privacy/", headers=FORWARDED)
    assert (forwarded.status_code, forwarded.location) == (plain.status_code, plain.location)
    for path in ("/", "/contact", "/sitemap.xml", "/api/openapi.json"):
        forwarded = client.get(path, headers=FORWARDED)
        assert forwarded.status_code == 200
        assert "evil" not in forwarded.text


def test_https_is_believed_from_our_own_proxies_only(
    make_site: Callable[..., Flask],
) -> None:
    """Also for a cached page: HTTP and HTTPS never get each other's response."""
    hsts = "Strict-Transport-Security"
    for proxies, believed in ((0, False), (1, True)):
        client = make_site(trusted_proxies=proxies).test_client()
        for _ in range(3):
            secure = client.get("/page", headers={"X-Forwarded-Proto": "https"})
            assert (hsts in secure.headers) is believed
            assert hsts not in client.get("/page").headers
            # The last entry is the one that our proxy wrote.
            forged = client.get("/page", headers={"X-Forwarded-Proto": "https, http"})
            assert hsts not in forged.headers


@pytest.mark.parametrize(
    ("header", "believed"),
    [("https", True), ("HTTPS", True), ("https, http", True), ("http, https, http", True),
     ("https, http, http", False), ("ftp", False), ("", False)],
)  # fmt: skip
def test_two_proxies_may_write_one_scheme_or_two(
    make_site: Callable[..., Flask],
    header: str,
    believed: bool,  # noqa: FBT001
) -> None:
    client = make_site(trusted_proxies=2).test_client()
    response = client.get("/page", headers={"X-Forwarded-Proto": header})
    assert ("Strict-Transport-Security" in response.headers) is believed


def test_development_sends_no_hsts(make_site: Callable[..., Flask]) -> None:
    client = make_site(development=True).test_client()
    response = client.get("/page", base_url="https://clinic.example")
    assert "Strict-Transport-Security" not in response.headers
