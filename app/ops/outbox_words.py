"""Where messages stand and why, as a person would say it and as programs read it. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from app.outbox.hold import OutboxHold
from app.outbox.message import OutboxMessage, RelayState, State

Local = Callable[[datetime], str]


def in_words(message: OutboxMessage, local: Local) -> str:
    """One line for people; ``local`` tells a moment on their clock."""
    match message.state:
        case State.PENDING:
            assert message.due_at is not None
            return f"waits: {reason(message)}; next try at {local(message.due_at)}"
        case State.SENDING:
            since = f" since {local(message.claimed_at)}" if message.claimed_at else ""
            return f"being sent by {message.owner}{since}"
        case State.DELIVERED:
            at = f" at {local(message.delivered_at)}" if message.delivered_at else ""
            return f"delivered{at}"
        case State.DEAD:
            return f"undelivered, given up: {reason(message)}"
        case _ if message.courtesy and message.last_error:
            return f"given up, nobody misses it: {reason(message)}"
        case _:
            return "cancelled by hand: it is not sent"


def reason(message: OutboxMessage) -> str:
    """Why ``message`` is not delivered yet."""
    said = message.last_error
    if not said:
        return "not tried yet"
    if message.last_code:
        # Before the colon stands the name of an error's type; the code says more.
        return f"the relay answered {message.last_code} {said.partition(': ')[2] or said}"
    return said


def as_data(
    messages: Iterable[OutboxMessage],
    held: OutboxHold | None,
    relay: RelayState | None,
    recipient: Callable[[OutboxMessage], str],
) -> dict[str, Any]:
    """The same for JSON; moments in ISO 8601, UTC, None for what there is none of."""
    down = relay if relay and relay.down_since else None
    return {
        "on_hold_since": _iso(held.since) if held else None,
        "relay_down_since": _iso(down.down_since) if down else None,
        "relay_reason": down.reason if down else None,
        "messages": [
            {
                "id": str(one.id),
                "about": one.about,
                "request_id": one.request_id,
                "recipient": recipient(one),
                "state": one.state,
                "attempts": one.attempts,
                "queued_at": _iso(one.queued_at),
                "next_try_at": _iso(one.due_at) if one.state == State.PENDING else None,
                "code": one.last_code,
                "error": one.last_error,
            }
            for one in messages
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
