"""Records the result of an attempt in one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.outbox import circuit_breaker, retry_schedule
from app.outbox.models import EMAILS, DeliveryAttempt, OutboxMessage, Outcome, State
from app.outbox.send_errors import TransportFault


@dataclass(frozen=True)
class AttemptResult:
    """How one attempt ended, with the transport's status code and answer.

    ``fault`` says why the transport is unavailable, ``retry_after`` for how many seconds it asks
    to be left alone. ``redirected`` is the encrypted email for the fallback mailbox, after a
    permanent refusal.
    """

    outcome: Outcome
    code: int | None = None
    transport_reply: str | None = None
    fault: TransportFault | None = None
    retry_after: float = 0.0
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
    if result.fault is TransportFault.SENDER and _others_were_accepted(session, message):
        result = replace(result, outcome=Outcome.FAILED)
    session.add(message.build_attempt(result.outcome, now, result.code, result.transport_reply))
    message.last_code, message.last_error = result.code, result.transport_reply
    if message.kind not in EMAILS:  # it says nothing about the transport of email
        _apply(message, result, now)
        return True
    if result.outcome == Outcome.UNAVAILABLE:
        _wait_for_transport(session, message, result, now)
        return True
    if result.code is not None:
        circuit_breaker.record_success(session)
    _apply(message, result, now)
    return True


def _others_were_accepted(session: Session, message: OutboxMessage) -> bool:
    """Whether the transport refused ``message`` before, and then accepted another one.

    The refusal is then the message's fault, unless it is a probe: while the circuit breaker is
    open, the others are refused as well.
    """
    if circuit_breaker.is_open(session):
        return False
    refused = aliased(DeliveryAttempt)
    last_refusal = sa.select(sa.func.max(refused.id)).where(
        refused.outbox_message_id == message.id, refused.outcome == Outcome.UNAVAILABLE
    )
    accepted_since = sa.exists().where(
        DeliveryAttempt.id > last_refusal.scalar_subquery(),
        DeliveryAttempt.outcome == Outcome.DELIVERED,
        DeliveryAttempt.outbox_message_id == OutboxMessage.id,
        OutboxMessage.kind.in_(EMAILS),
    )
    return bool(session.scalar(sa.select(accepted_since)))


def _wait_for_transport(
    session: Session, message: OutboxMessage, result: AttemptResult, now: datetime
) -> None:
    """Open the circuit breaker. The attempt does not count.

    A message that was refused is due after the next probe, so that the probe is another one if
    any is waiting: the transport may refuse only this message.
    """
    fault = result.fault or TransportFault.CONNECTION
    probe_at = circuit_breaker.record_failure(
        session, now, fault, result.transport_reply or "", result.retry_after
    )
    message.attempt_count -= 1
    refused = fault is TransportFault.SENDER
    message.schedule(probe_at + retry_schedule.MIN_PROBE_DELAY if refused else now)


def _apply(message: OutboxMessage, result: AttemptResult, now: datetime) -> None:
    match result.outcome:
        case Outcome.DELIVERED:
            message.finish(State.DELIVERED)
            message.delivered_at = now
            # The content is no longer needed here; the inquiry keeps its own copy.
            message.encrypted_message = None
        case Outcome.RECIPIENT_REFUSED | Outcome.MESSAGE_REFUSED if result.redirected:
            message.schedule(now)
            message.encrypted_message, message.used_fallback = result.redirected, True
        case Outcome.FAILED if due_at := retry_schedule.next_attempt(message.attempt_count, now):
            message.schedule(due_at)
        case Outcome.RECIPIENT_REFUSED | Outcome.MESSAGE_REFUSED | Outcome.FAILED:
            message.give_up()
        case _:  # not the message's fault: the attempt does not count
            message.attempt_count -= 1
            missing_key = result.outcome == Outcome.MISSING_KEY
            delay = retry_schedule.MISSING_KEY_DELAY if missing_key else timedelta()
            message.schedule(now + delay)
