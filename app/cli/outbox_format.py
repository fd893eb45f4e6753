"""Where messages stand and why, as a person would say it and as programs read it. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from app.outbox.models import DeliveryAttempt, MailTransportState, OutboxMessage, OutboxPause, State

Local = Callable[[datetime], str]


def describe(message: OutboxMessage, local_time: Local) -> str:
    """One line for people; ``local_time`` tells a moment on their clock."""
    match message.state:
        case State.PENDING:
            assert message.due_at is not None
            return f"waits: {reason(message)}; next try at {local_time(message.due_at)}"
        case State.SENDING:
            since = f" since {local_time(message.claimed_at)}" if message.claimed_at else ""
            return f"being sent by {message.owner}{since}"
        case State.DELIVERED:
            at = f" at {local_time(message.delivered_at)}" if message.delivered_at else ""
            return f"delivered{at}"
        case State.DEAD:
            return f"undelivered, given up: {reason(message)}"
        case _ if message.is_acknowledgement and message.last_error:
            return f"given up, nobody misses it: {reason(message)}"
        case _:
            return "cancelled by hand: it is not sent"


def reason(message: OutboxMessage) -> str:
    """Why ``message`` is not delivered yet."""
    error = message.last_error
    if not error:
        return "not tried yet"
    if message.last_code:
        # Before the colon stands the name of an error's type; the code says more.
        return f"the relay answered {message.last_code} {error.partition(': ')[2] or error}"
    return error


def as_data(
    messages: Iterable[OutboxMessage],
    held: OutboxPause | None,
    relay: MailTransportState | None,
    recipient: Callable[[OutboxMessage], str],
) -> dict[str, Any]:
    """The same for JSON; moments in ISO 8601, UTC, None for what there is none of."""
    down = relay if relay and relay.down_since else None
    return {
        "paused_since": _iso(held.since) if held else None,
        "transport_unavailable_since": _iso(down.down_since) if down else None,
        "relay_reason": down.reason if down else None,
        "messages": [_message(one, recipient(one)) for one in messages],
    }


def message_as_data(
    message: OutboxMessage, recipient: str, attempts: Iterable[DeliveryAttempt]
) -> dict[str, Any]:
    """One message for JSON, with its attempts, the first one first."""
    return {
        **_message(message, recipient),
        "message_id": message.message_id,
        "tried": [
            {
                "started_at": _iso(one.started_at),
                "ended_at": _iso(one.ended_at),
                "mailer": one.owner,
                "outcome": one.outcome,
                "code": one.code,
                "transport_reply": one.transport_reply,
            }
            for one in attempts
        ],
    }


def _message(message: OutboxMessage, recipient: str) -> dict[str, Any]:
    waits = message.state == State.PENDING
    return {
        "id": str(message.id),
        "reference": message.reference,
        "request_id": message.request_id,
        "recipient": recipient,
        "state": message.state,
        "attempts": message.attempts,
        "queued_at": _iso(message.queued_at),
        "next_try_at": _iso(message.due_at) if waits else None,
        "code": message.last_code,
        "error": message.last_error,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
