"""The request id of a post is in all log lines up to the delivery."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Returns the lines logged since the last call."""
    return lambda: lines(capsys.readouterr().err)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_request_id_is_logged_from_post_to_delivery(
    desk: Desk, relay: Relay, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    relay.script = {"rcpt": "451 later"}
    request_id = desk.send().headers["X-Request-Id"]
    logged_lines = [*logged(), *lines(desk.says("mailer", "run", "--once"))]
    related = [line for line in logged_lines if line.get("request_id") == request_id]
    assert [line["message"].partition(": ")[2] or line["message"] for line in related] == [
        "inquiry received",
        "request",
        "failed",
    ]
    assert {line["reference"] for line in related if "reference" in line} == {
        desk.inquiries()[0].reference
    }
    assert related[-1]["code"] == 451
    assert request_id in desk.says("outbox", "show", str(desk.message().id))
    listed = json.loads(desk.says("outbox", "list", "--json"))
    assert listed["messages"][0]["request_id"] == request_id


def test_quarantined_inquiry_keeps_its_request_id(desk: Desk) -> None:
    request_id = desk.send(honeypot="x").headers["X-Request-Id"]
    reference = desk.inquiries()[0].reference
    assert request_id in desk.says("inquiries", "show", reference)
    desk.says("inquiries", "release", reference, "--yes")
    assert desk.message().request_id == request_id
