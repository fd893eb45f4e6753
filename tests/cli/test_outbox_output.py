"""``flask outbox list``, as text and JSON."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result

from app.outbox import admin
from app.outbox.send_errors import TransportFault
from tests.support.outbox import Outbox, outbox

__all__ = ["outbox"]


def run(outbox: Outbox, *command: str) -> Result:
    return outbox.app.test_cli_runner().invoke(args=["outbox", *command])


@pytest.mark.parametrize(
    ("state", "values", "status"),
    [
        ("pending", {}, "pending: not attempted yet; next attempt 2026-07-01 08:00:00"),
        (
            "pending",
            {"last_code": 451, "last_error": "451 greylisted"},
            "pending: the mail server answered 451 greylisted; next attempt",
        ),
        (
            "pending",
            {"last_error": "TimeoutError: timed out"},
            "pending: TimeoutError: timed out; next attempt",
        ),
        ("sending", {"owner": "host-1"}, "being sent by host-1"),
        (
            "dead",
            {"last_code": 550, "last_error": "550 unknown user"},
            "not delivered, given up: the mail server answered 550 unknown user",
        ),
        ("cancelled", {}, "cancelled"),
    ],
)
def test_each_state_is_described(outbox: Outbox, state: str, values: Any, status: str) -> None:
    outbox.add(state=state, **values)
    assert status in run(outbox, "list", "--all").output


def test_list_as_json(outbox: Outbox) -> None:
    outbox.set_transport_failure(TransportFault.AUTHENTICATION)
    number = outbox.add(
        due_at=outbox.now + timedelta(minutes=4), last_code=451, last_error="later", attempt_count=2
    )
    with outbox.database.session() as session:
        admin.pause(session, "restored", outbox.now)
    assert json.loads(run(outbox, "list", "--json").stdout) == {
        "paused_since": "2026-07-01T12:00:00+00:00",
        "transport_unavailable_since": "2026-07-01T12:00:00+00:00",
        "transport_error": "not now",
        "messages": [
            {
                "id": str(number),
                "reference": "AAA-AAA",
                "request_id": None,
                "kind": "email",
                "recipient": "desk@clinic.example",
                "state": "pending",
                "attempts": 2,
                "queued_at": "2026-07-01T12:00:00+00:00",
                "next_attempt_at": "2026-07-01T12:04:00+00:00",
                "code": 451,
                "error": "later",
            }
        ],
    }


def test_an_empty_outbox_as_text_and_json(outbox: Outbox) -> None:
    assert run(outbox, "list").output == "No entries.\n"
    assert json.loads(run(outbox, "list", "--json").stdout)["messages"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_an_invalid_limit_is_refused(outbox: Outbox, limit: str) -> None:
    result = run(outbox, "list", "--limit", limit)
    assert result.exit_code == 2
    assert "Invalid value for '--limit'" in result.output
