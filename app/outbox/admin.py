"""What operators do to the outbox: pause and resume it, requeue, cancel or redact messages.

Requeuing and cancelling leave a delivery attempt as their record.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox.models import (
    SINGLETON_ID,
    DeliveryAttempt,
    OutboxMessage,
    OutboxPause,
    Outcome,
    State,
)

OPERATOR = "operator"
REDACTED = b""  # not NULL: only a delivered message may be without content


def current_pause(session: Session) -> OutboxPause | None:
    """The pause in effect, or None when mail is sent."""
    return session.get(OutboxPause, SINGLETON_ID)


def pause(session: Session, reason: str, now: datetime) -> None:
    """Stop sending. Does nothing when the outbox is paused already."""
    if current_pause(session) is None:
        session.add(OutboxPause(id=SINGLETON_ID, since=now, reason=reason))


def resume(session: Session) -> None:
    """Send again."""
    session.execute(sa.delete(OutboxPause))


def requeue(
    session: Session, message_id: UUID, encrypted: bytes, mailbox: str | None, now: datetime
) -> bool:
    """Send the ``encrypted`` email now instead of the stored one, with a new retry period.

    False, and nothing is changed, when the message is being sent, was redacted, or has arrived,
    unless it arrived in the fallback mailbox.
    """
    states = (State.PENDING, State.DEAD, State.CANCELLED, State.DELIVERED)
    message = _lock(session, message_id, *states)
    if message is None or (message.state == State.DELIVERED and not message.used_fallback):
        return False
    message.encrypted_message, message.mailbox, message.delivered_at = encrypted, mailbox, None
    message.schedule(now)
    message.queued_at, message.attempt_count, message.crash_count = now, 0, 0
    message.used_fallback = False
    _record(session, message, Outcome.REQUEUED, now)
    return True


def cancel(
    session: Session, message_id: UUID, now: datetime, *, also_sending: bool = False
) -> bool:
    """Never send a pending or dead message. False when it is being sent or was delivered.

    With ``also_sending``, also end the lease of a mailer: the message may still arrive, but it
    is not sent again if that fails.
    """
    states = (State.PENDING, State.DEAD, *((State.SENDING,) if also_sending else ()))
    message = _lock(session, message_id, *states)
    if message is None:
        return False
    message.finish(State.CANCELLED)
    _record(session, message, Outcome.CANCELLED, now)
    return True


def _lock(session: Session, message_id: UUID, *states: State) -> OutboxMessage | None:
    """The message, locked against changes, if it is in one of ``states`` and not redacted."""
    message = session.get(OutboxMessage, message_id, with_for_update=True)
    if message is None or message.encrypted_message == REDACTED:
        return None
    return message if message.state in states else None


def _record(session: Session, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    message.owner, message.claimed_at = OPERATOR, now
    session.add(message.build_attempt(outcome, now))


def lock_messages(session: Session, references: Sequence[str]) -> Sequence[OutboxMessage]:
    """The messages about these inquiries, locked against changes until this transaction ends."""
    query = (
        sa.select(OutboxMessage)
        .where(OutboxMessage.reference.in_(references))
        .order_by(OutboxMessage.id)
        .with_for_update()
    )
    return session.scalars(query).all()


def redact(session: Session, message_ids: Sequence[UUID]) -> None:
    """Erase the content of finished messages and the mail server's replies, which may quote
    a subject with the visitor's name. States, times and outcomes stay.
    """
    finished = OutboxMessage.state.in_((State.DELIVERED, State.CANCELLED))
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id.in_(message_ids), finished)
        .values(encrypted_message=REDACTED, last_error=None)
    )
    session.execute(
        sa.update(DeliveryAttempt)
        .where(DeliveryAttempt.outbox_message_id.in_(message_ids))
        .values(transport_reply=None)
    )
