"""Records the result of an attempt in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.encryption import KeyRing
from app.outbox import circuit_breaker, retry_schedule
from app.outbox.models import DeliveryAttempt, OutboxMessage, Outcome, OutgoingEmail, State
from app.outbox.queue import Claim

MISSING_KEY_DELAY = timedelta(minutes=5)


@dataclass(frozen=True)
class AttemptResult:
    """How one attempt ended, with the mail server's reply code and text.

    ``redirect`` is the email for the fallback mailbox, after a permanent refusal.
    """

    outcome: Outcome
    code: int | None = None
    transport_reply: str | None = None
    redirect: OutgoingEmail | None = None


def record_result(
    session: Session, keys: KeyRing, claim: Claim, result: AttemptResult, now: datetime
) -> bool:
    """Record ``result`` and end the lease. False, and nothing is changed, when the lease was
    lost: another mailer has the message now.
    """
    updated = session.execute(
        sa.update(OutboxMessage)
        .where(
            OutboxMessage.id == claim.id,
            OutboxMessage.lease_token == claim.lease_token,
            OutboxMessage.state == State.SENDING,
        )
        .values(
            lease_token=None,
            owner=None,
            last_code=result.code,
            last_error=result.transport_reply,
            **_changes(keys, claim, result, now),
        )
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if updated is None:
        return False
    session.add(
        DeliveryAttempt(
            message_id=claim.id,
            lease_token=claim.lease_token,
            owner=claim.owner,
            started_at=claim.started_at,
            ended_at=now,
            outcome=result.outcome,
            code=result.code,
            transport_reply=result.transport_reply,
        )
    )
    if result.outcome == Outcome.UNAVAILABLE:
        circuit_breaker.record_failure(session, now, result.transport_reply or "")
    elif claim.probe and result.code is not None:  # the server replied, so it works again
        circuit_breaker.record_success(session)
    return True


def _changes(keys: KeyRing, claim: Claim, result: AttemptResult, now: datetime) -> dict[str, Any]:
    match result.outcome:
        case Outcome.DELIVERED:
            # The content is no longer needed here; the inquiry keeps its own copy.
            return _finished(State.DELIVERED) | {"delivered_at": now, "encrypted_message": None}
        case Outcome.REFUSED if result.redirect:
            encrypted = keys.encrypt(result.redirect.to_json())
            return _pending(now) | {"encrypted_message": encrypted, "used_fallback": True}
        case Outcome.FAILED if due_at := retry_schedule.next_attempt(
            claim.queued_at, now, is_acknowledgement=claim.is_acknowledgement
        ):
            return _pending(due_at)
        case Outcome.REFUSED | Outcome.FAILED:
            return _finished(State.undeliverable(is_acknowledgement=claim.is_acknowledgement))
        case _:  # not the message's fault: the attempt does not count
            return _retry(claim, result.outcome, now) | {"attempts": OutboxMessage.attempts - 1}


def _retry(claim: Claim, outcome: Outcome, now: datetime) -> dict[str, Any]:
    if retry_schedule.is_expired(claim.queued_at, now, is_acknowledgement=claim.is_acknowledgement):
        return _finished(State.CANCELLED)
    return _pending(now + MISSING_KEY_DELAY if outcome == Outcome.MISSING_KEY else now)


def _pending(due_at: datetime) -> dict[str, Any]:
    return {"state": State.PENDING, "due_at": due_at}


def _finished(state: State) -> dict[str, Any]:
    return {"state": state, "due_at": None}
