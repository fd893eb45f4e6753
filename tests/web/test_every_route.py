"""Structural tests: every route has the security headers and behaves alike."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, Rule

from tests.web.html_lint import LintingClient

VALUES: dict[str, str | int] = {"filename": "css/base.css", "z": 0, "x": 0, "y": 0}
HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Resource-Policy",
    "Integrity-Policy",
)
ERRORS = (
    ("GET", "/no-such-page", 404),
    ("GET", "/first-visit/nowhere", 404),
    ("DELETE", "/", 405),
    ("POST", "/privacy", 405),
    ("GET", "/api/v1/none", 404),
)


def rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            yield rule


def addresses(app: Flask) -> Iterator[str]:
    """Build an address for each rule that accepts GET. Unknown values are "x"."""
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in rules(app):
            names = rule.arguments - set(rule.defaults or ())
            values = {name: _value(name, rule._converters[name]) for name in names}
            yield adapter.build(rule.endpoint, values)


def _value(name: str, converter: BaseConverter) -> str | int:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return VALUES.get(name, "x")


@pytest.fixture
def client(app: Flask) -> LintingClient:
    app.test_client_class = LintingClient
    client = app.test_client()
    assert isinstance(client, LintingClient)
    return client


def test_every_route_has_all_security_headers_and_sets_no_cookie(
    app: Flask, client: LintingClient
) -> None:
    errors = []
    for address in addresses(app):
        response = client.get(address)
        errors += [f"{address}: no {name}" for name in HEADERS if name not in response.headers]
        if "Set-Cookie" in response.headers:
            errors.append(f"{address}: sets a cookie")
        if response.status_code >= 500 and not address.startswith("/healthz"):
            errors.append(f"{address}: {response.status_code}")
    assert not errors, "\n".join(errors)


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
def test_error_responses_have_all_security_headers_too(
    client: LintingClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert [name for name in HEADERS if name not in response.headers] == []
    assert "Set-Cookie" not in response.headers


def test_every_kind_of_response_has_all_security_headers(app: Flask, client: LintingClient) -> None:
    """For every address: 304, 405, OPTIONS, a redirect, with and without HTTPS."""
    errors = []
    for address in {
        rule.rule.replace("<", "").replace(">", "") for rule in app.url_map.iter_rules()
    }:
        tag = client.get(address).headers.get("ETag", "")
        responses = [
            client.get(address, headers={"If-None-Match": tag}, base_url="https://localhost"),
            *(client.open(address, method=method) for method in ("HEAD", "OPTIONS", "TRACE")),
            *(client.open(address, method=method) for method in ("PUT", "PATCH", "X", "DELETE")),
            client.post(address, data=b"\xff" * 100, content_type="text/x"),
            client.get(f"{address}/"),
        ]
        for response in responses:
            missing = [name for name in HEADERS if name not in response.headers]
            errors += [f"{address}: {response.status}: no {name}" for name in missing]
            if "Access-Control-Allow-Origin" in response.headers:
                errors.append(f"{address}: {response.status}: other sites may read it")
            if "unsafe" in response.headers["Content-Security-Policy"] and "/dev/" not in address:
                errors.append(f"{address}: {response.status}: unsafe")
    assert not errors, "\n".join(errors)


def test_every_route_answers_head_like_get(app: Flask, client: LintingClient) -> None:
    for address in addresses(app):
        get, head = client.get(address), client.head(address)
        assert (head.status_code, head.data) == (get.status_code, b""), address
        assert head.content_type == get.content_type, address


def test_every_page_redirects_a_trailing_slash(app: Flask, client: LintingClient) -> None:
    for address in addresses(app):
        if not address.endswith("/") and client.get(address).mimetype == "text/html":
            assert client.get(f"{address}/").status_code in (301, 404), address
