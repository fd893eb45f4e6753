"""Records the result of an attempt in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox import circuit_breaker, retry_schedule
from app.outbox.models import OutboxMessage, Outcome, State


@dataclass(frozen=True)
class AttemptResult:
    """How one attempt ended, with the mail server's reply code and text.

    ``redirected`` is the encrypted email for the fallback mailbox, after a permanent refusal.
    """

    outcome: Outcome
    code: int | None = None
    transport_reply: str | None = None
    redirected: bytes | None = None


def record_result(
    session: Session, leased: OutboxMessage, result: AttemptResult, now: datetime
) -> bool:
    """Record ``result`` and end the lease of the message, which ``queue.claim`` returned.

    False, and nothing is changed, when the lease was lost: another mailer has the message now.
    """
    query = sa.select(OutboxMessage).where(
        OutboxMessage.id == leased.id,
        OutboxMessage.lease_token == leased.lease_token,
        OutboxMessage.state == State.SENDING,
    )
    message = session.scalar(query.with_for_update())
    if message is None:
        return False
    session.add(message.build_attempt(result.outcome, now, result.code, result.transport_reply))
    message.last_code, message.last_error = result.code, result.transport_reply
    _apply(message, result, now)
    if result.outcome == Outcome.UNAVAILABLE:
        circuit_breaker.record_failure(session, now, result.transport_reply or "")
    elif result.code is not None:
        circuit_breaker.record_success(session)
    return True


def _apply(message: OutboxMessage, result: AttemptResult, now: datetime) -> None:
    match result.outcome:
        case Outcome.DELIVERED:
            message.finish(State.DELIVERED)
            message.delivered_at = now
            # The content is no longer needed here; the inquiry keeps its own copy.
            message.encrypted_message = None
        case Outcome.REFUSED if result.redirected:
            message.schedule(now)
            message.encrypted_message, message.used_fallback = result.redirected, True
        case Outcome.FAILED if due_at := retry_schedule.next_attempt(message.queued_at, now):
            message.schedule(due_at)
        case Outcome.REFUSED | Outcome.FAILED:
            message.give_up()
        case _:  # not the message's fault: the attempt does not count
            message.attempt_count -= 1
            missing_key = result.outcome == Outcome.MISSING_KEY
            delay = retry_schedule.MISSING_KEY_DELAY if missing_key else timedelta()
            message.schedule(now + delay)
