"""What operators do to the outbox: pause and resume it, requeue, cancel or redact messages.

Requeuing and cancelling leave a delivery attempt as their record.
"""

from collections.abc import Callable, Sequence
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

Action = Callable[[Session, UUID, datetime], bool]
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


def requeue(session: Session, message_id: UUID, now: datetime) -> bool:
    """Make a dead, cancelled or pending message due now, with a new retry period of five days.

    False, and nothing is changed, when it is being sent, was delivered or was redacted.
    """
    message = _lock(session, message_id, State.PENDING, State.DEAD, State.CANCELLED)
    if message is None:
        return False
    message.schedule(now)
    message.queued_at, message.crash_count, message.used_fallback = now, 0, False
    _record(session, message, Outcome.REQUEUED, now)
    return True


def cancel(session: Session, message_id: UUID, now: datetime) -> bool:
    """Never send a pending or dead message. False when it is being sent or was delivered."""
    message = _lock(session, message_id, State.PENDING, State.DEAD)
    if message is None:
        return False
    message.finish(State.CANCELLED)
    _record(session, message, Outcome.CANCELLED, now)
    return True


def _lock(session: Session, message_id: UUID, *states: State) -> OutboxMessage | None:
    """The message, locked against changes, if it is in one of ``states`` and not redacted."""
    message = session.get(OutboxMessage, message_id, with_for_update=True)
    return message if message and message.state in states and message.encrypted_message else None


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
