"""From the post to the delivery: one request id leads through the logs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines logged since it was last asked."""
    return lambda: lines(capsys.readouterr().err)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_inquiry_can_be_followed_from_the_post_to_the_delivery(
    desk: Desk, relay: Relay, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    relay.script = {"rcpt": "451 later"}
    request_id = desk.send().headers["X-Request-Id"]
    told = [*logged(), *lines(desk.says("mailer", "run", "--once"))]
    about = [line for line in told if line.get("request_id") == request_id]
    assert [line["message"].partition(": ")[2] or line["message"] for line in about] == [
        "inquiry received",
        "request",
        "failed",
    ]
    assert {line["reference"] for line in about if "reference" in line} == {
        desk.inquiries()[0].reference
    }
    assert about[-1]["code"] == 451
    assert request_id in desk.says("outbox", "show", str(desk.message().id))
    listed = json.loads(desk.says("outbox", "list", "--json"))
    assert listed["messages"][0]["request_id"] == request_id


def test_a_held_inquiry_keeps_the_id_until_it_is_released(desk: Desk) -> None:
    request_id = desk.send(honeypot="x").headers["X-Request-Id"]
    reference = desk.inquiries()[0].reference
    assert request_id in desk.says("inquiries", "show", reference)
    desk.says("inquiries", "release", reference, "--yes")
    assert desk.message().request_id == request_id
