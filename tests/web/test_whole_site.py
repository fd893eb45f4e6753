"""Structural: whatever rooms the site has, each of its addresses keeps the manners."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, Rule

from tests.web.lint import LintingClient

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
    "X-Request-Id",
)
TROUBLE = (
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
    """An address for each rule that answers GET; an unknown thing is asked for as "x"."""
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in rules(app):
            values = {name: _value(name, rule._converters[name]) for name in rule.arguments}
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


def test_every_address_answers_with_all_security_headers_and_no_cookie(
    app: Flask, client: LintingClient
) -> None:
    faults = []
    for address in addresses(app):
        response = client.get(address)
        faults += [f"{address}: no {name}" for name in HEADERS if name not in response.headers]
        if "Set-Cookie" in response.headers:
            faults.append(f"{address}: sets a cookie")
        if response.status_code >= 500 and not address.startswith("/healthz"):
            faults.append(f"{address}: {response.status_code}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("method", "path", "status"), TROUBLE)
def test_trouble_keeps_the_manners_too(
    client: LintingClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert [name for name in HEADERS if name not in response.headers] == []
    assert "Set-Cookie" not in response.headers


def test_every_kind_of_answer_bears_the_headers(app: Flask, client: LintingClient) -> None:
    """Of every address: 304, 405, the answer to OPTIONS, a redirect, with and without HTTPS."""
    faults = []
    for address in {
        rule.rule.replace("<", "").replace(">", "") for rule in app.url_map.iter_rules()
    }:
        tag = client.get(address).headers.get("ETag", "")
        answers = [
            client.get(address, headers={"If-None-Match": tag}, base_url="https://localhost"),
            *(client.open(address, method=method) for method in ("HEAD", "OPTIONS", "TRACE")),
            *(client.open(address, method=method) for method in ("PUT", "PATCH", "X", "DELETE")),
            client.post(address, data=b"\xff" * 100, content_type="text/x"),
            client.get(f"{address}/"),
        ]
        for answer in answers:
            missing = [name for name in HEADERS if name not in answer.headers]
            faults += [f"{address}: {answer.status}: no {name}" for name in missing]
            if "Access-Control-Allow-Origin" in answer.headers:
                faults.append(f"{address}: {answer.status}: other sites may read it")
            if "unsafe" in answer.headers["Content-Security-Policy"] and "/dev/" not in address:
                faults.append(f"{address}: {answer.status}: unsafe")
    assert not faults, "\n".join(faults)


def test_every_address_says_the_same_to_head(app: Flask, client: LintingClient) -> None:
    for address in addresses(app):
        got, head = client.get(address), client.head(address)
        assert (head.status_code, head.data) == (got.status_code, b""), address
        assert head.content_type == got.content_type, address


def test_a_trailing_slash_is_forgiven_on_every_page(app: Flask, client: LintingClient) -> None:
    for address in addresses(app):
        if not address.endswith("/") and client.get(address).mimetype == "text/html":
            assert client.get(f"{address}/").status_code in (301, 404), address
