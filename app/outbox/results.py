"""What became of a claim, written down in one transaction."""

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
    """How one attempt ended: the relay's code and words, and where to try next.

    ``redirect`` is the same mail for the fallback mailbox, after a refusal.
    """

    outcome: Outcome
    code: int | None = None
    transport_reply: str | None = None
    redirect: OutgoingEmail | None = None


def record_result(
    session: Session, keys: KeyRing, claim: Claim, result: AttemptResult, now: datetime
) -> bool:
    """Settle ``claim``. False, and nothing is changed, when its lease was lost:
    another mailer has the message now, and that one's report counts.
    """
    ours = (
        OutboxMessage.id == claim.id,
        OutboxMessage.lease_token == claim.lease_token,
        OutboxMessage.state == State.SENDING,
    )
    changed = (
        session.connection()
        .execute(
            sa.update(OutboxMessage)
            .where(*ours)
            .values(
                lease_token=None,
                owner=None,
                last_code=result.code,
                last_error=result.transport_reply,
                **_changes(keys, claim, result, now),
            )
            .returning(OutboxMessage.id)
        )
        .one_or_none()
    )
    if changed is None:
        return False
    session.connection().execute(sa.insert(DeliveryAttempt).values(_attempt(claim, result, now)))
    _tell_breaker(session, claim, result, now)
    return True


def _changes(keys: KeyRing, claim: Claim, result: AttemptResult, now: datetime) -> dict[str, Any]:
    patience = (
        retry_schedule.ACKNOWLEDGEMENT_GIVE_UP
        if claim.is_acknowledgement
        else retry_schedule.GIVE_UP
    )
    match result.outcome:
        case Outcome.DELIVERED:
            # The words are blanked here: they stay in the inquiry's own record.
            return _finished(State.DELIVERED) | {"delivered_at": now, "encrypted_message": None}
        case Outcome.REFUSED if result.redirect:
            sealed = keys.encrypt(result.redirect.to_json())
            return _waiting(now) | {"encrypted_message": sealed, "used_fallback": True}
        case Outcome.FAILED if due_at := retry_schedule.next_attempt(
            claim.queued_at, now, give_up=patience
        ):
            return _waiting(due_at)
        case Outcome.REFUSED | Outcome.FAILED:
            return _finished(State.undeliverable(is_acknowledgement=claim.is_acknowledgement))
        case _:
            return _not_tried(claim, result.outcome, now) | _untried()


def _not_tried(claim: Claim, outcome: Outcome, now: datetime) -> dict[str, Any]:
    if retry_schedule.is_expired(claim.queued_at, now, is_acknowledgement=claim.is_acknowledgement):
        return _finished(State.CANCELLED)
    return _waiting(now + MISSING_KEY_DELAY if outcome == Outcome.MISSING_KEY else now)


def _waiting(due_at: datetime) -> dict[str, Any]:
    return {"state": State.PENDING, "due_at": due_at}


def _finished(state: State) -> dict[str, Any]:
    return {"state": state, "due_at": None}


def _untried() -> dict[str, Any]:
    return {"attempts": OutboxMessage.attempts - 1}


def _attempt(claim: Claim, result: AttemptResult, now: datetime) -> dict[str, Any]:
    return {
        "message_id": claim.id,
        "lease_token": claim.lease_token,
        "owner": claim.owner,
        "started_at": claim.started_at,
        "ended_at": now,
        "outcome": result.outcome,
        "code": result.code,
        "transport_reply": result.transport_reply,
    }


def _tell_breaker(session: Session, claim: Claim, result: AttemptResult, now: datetime) -> None:
    if result.outcome == Outcome.UNAVAILABLE:
        circuit_breaker.record_failure(session, now, result.transport_reply or "")
    elif claim.probe and result.code is not None:  # it judged the message: it works
        circuit_breaker.record_success(session)
