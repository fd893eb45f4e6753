"""Violation reports from browsers are logged without personal data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.web.security_headers import REPORT_PATH

Logged = Callable[[], list[dict[str, Any]]]
SECRET = "ada-lovelace"  # must never be logged


def old(**changed: str) -> dict[str, Any]:
    return {
        "csp-report": {
            "document-uri": f"http://localhost/broken/{SECRET}?q={SECRET}",
            "referrer": f"http://localhost/?{SECRET}",
            "violated-directive": "script-src-elem",
            "blocked-uri": f"https://cdn.example:8443/{SECRET}.js?q={SECRET}",
            "script-sample": SECRET,
            **changed,
        }
    }


def new(**changed: Any) -> list[dict[str, Any]]:
    body = {
        "documentURL": f"http://localhost/page?{SECRET}",
        "effectiveDirective": "img-src",
        "blockedURL": f"https://cdn.example/{SECRET}",
        "sample": SECRET,
        **changed,
    }
    return [{"type": "csp-violation", "url": f"http://localhost/?{SECRET}", "body": body}]


def report(client: FlaskClient, payload: object) -> TestResponse:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return client.post(REPORT_PATH, data=body, content_type="application/csp-report")


def warned(logged: Logged) -> list[str]:
    return [line["message"] for line in logged() if line["logger"] == "frontdesk.policy"]


def test_both_report_formats_are_logged_by_directive_host_and_route(
    site: Flask, logged: Logged
) -> None:
    client = site.test_client()
    assert report(client, old()).status_code == 204
    assert report(client, new()).status_code == 204
    assert warned(logged) == [
        "policy violation: script-src-elem blocked cdn.example:8443 on /broken/<secret>",
        "policy violation: img-src blocked cdn.example on /page",
    ]


def test_a_missing_integrity_hash_is_logged(site: Flask, logged: Logged) -> None:
    payload = new(destination="script")
    del payload[0]["body"]["effectiveDirective"]
    report(site.test_client(), payload)
    assert warned(logged) == ["policy violation: integrity blocked cdn.example on /page"]


@pytest.mark.parametrize(
    ("blocked", "shown"),
    [
        ("inline", "inline"),
        ("data", "data"),
        (f"data:text/html,{SECRET}", "(unknown)"),
        (f"chrome-extension://{SECRET}/x", "(unknown)"),
        (f"https://{SECRET}@cdn.example/", "(unknown)"),
        (f"https://{SECRET * 20}.example/", "(unknown)"),
        ("https://[::1", "(unknown)"),
        (SECRET, "(unknown)"),
        ("", "(unknown)"),
    ],
)
def test_what_was_blocked_is_logged_as_a_host_or_keyword(
    site: Flask, logged: Logged, blocked: str, shown: str
) -> None:
    report(site.test_client(), old(**{"blocked-uri": blocked}))
    assert warned(logged) == [
        f"policy violation: script-src-elem blocked {shown} on /broken/<secret>"
    ]


@pytest.mark.parametrize("page", [f"https://{SECRET}.example/x", f"/{SECRET}", "//[", "about"])
def test_an_unknown_page_is_not_logged(site: Flask, logged: Logged, page: str) -> None:
    report(site.test_client(), old(**{"document-uri": page}))
    assert warned(logged)[0].endswith(" on (unknown)")


@pytest.mark.parametrize(
    "payload",
    [
        *[b"", b"\xff", b"null", b"[" * 100_000, b"[1]", b'{"csp-report": 1}', b'[{"body": []}]'],
        *[{}, old(**{"violated-directive": f"{SECRET}\n2"}), {"other": "thing"}],
        *[old(**{"violated-directive": "x" * 50}), old(**{"violated-directive": ""})],
    ],
    ids=repr,
)
def test_a_malformed_report_is_not_logged(site: Flask, logged: Logged, payload: object) -> None:
    assert report(site.test_client(), payload).status_code in (204, 413)
    assert warned(logged) == []


def test_reports_cannot_flood_the_log(site: Flask, logged: Logged) -> None:
    client = site.test_client()
    assert report(client, old(**{"script-sample": "x" * 20_000})).status_code == 413
    report(client, new() * 40)
    assert len(warned(logged)) == 5
    assert {report(client, old()).status_code for _ in range(20)} == {204, 429}
    assert len(warned(logged)) <= 10
