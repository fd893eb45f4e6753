"""``flask outbox list`` says in words what is stuck and why, and in JSON for programs."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result

from app.outbox import admin
from tests.support.outbox import Outbox, outbox

__all__ = ["outbox"]


def run(outbox: Outbox, *command: str) -> Result:
    return outbox.app.test_cli_runner().invoke(args=["outbox", *command])


@pytest.mark.parametrize(
    ("state", "values", "words"),
    [
        ("pending", {}, "waits: not tried yet; next try at 2026-07-01 08:00:00"),
        (
            "pending",
            {"last_code": 451, "last_error": "SMTPRecipientsRefused: greylisted"},
            "waits: the relay answered 451 greylisted; next try at",
        ),
        (
            "pending",
            {"last_error": "TimeoutError: timed out"},
            "waits: TimeoutError: timed out; next try at",
        ),
        ("sending", {"owner": "host-1"}, "being sent by host-1"),
        (
            "dead",
            {"last_code": 550, "last_error": "SMTPRecipientsRefused: unknown user"},
            "undelivered, given up: the relay answered 550 unknown user",
        ),
        ("cancelled", {}, "cancelled by hand: it is not sent"),
    ],
)
def test_each_state_is_said_in_words(outbox: Outbox, state: str, values: Any, words: str) -> None:
    outbox.add(state=state, **values)
    assert words in run(outbox, "list", "--all").output


def test_programs_get_the_same_as_json(outbox: Outbox) -> None:
    outbox.set_transport_failure("SMTPAuthenticationError: no")
    number = outbox.add(
        due_at=outbox.now + timedelta(minutes=4), last_code=451, last_error="later", attempts=2
    )
    with outbox.database.session() as session:
        admin.pause(session, "restored", outbox.now)
    assert json.loads(run(outbox, "list", "--json").stdout) == {
        "paused_since": "2026-07-01T12:00:00+00:00",
        "transport_unavailable_since": "2026-07-01T12:00:00+00:00",
        "relay_reason": "SMTPAuthenticationError: no",
        "messages": [
            {
                "id": str(number),
                "reference": "AAA-AAA",
                "request_id": None,
                "recipient": "desk@clinic.example",
                "state": "pending",
                "attempts": 2,
                "queued_at": "2026-07-01T12:00:00+00:00",
                "next_try_at": "2026-07-01T12:04:00+00:00",
                "code": 451,
                "error": "later",
            }
        ],
    }


def test_an_empty_outbox_is_good_news_in_both_forms(outbox: Outbox) -> None:
    assert run(outbox, "list").output == "Nothing here.\n"
    assert json.loads(run(outbox, "list", "--json").stdout)["messages"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_that_makes_no_sense_is_refused(outbox: Outbox, limit: str) -> None:
    result = run(outbox, "list", "--limit", limit)
    assert result.exit_code == 2
    assert "Invalid value for '--limit'" in result.output
