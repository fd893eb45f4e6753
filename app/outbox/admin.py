"""What operators do to the outbox: pause and resume it, requeue, cancel or redact messages.

Requeuing and cancelling leave a delivery attempt as their record.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

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
    session.execute(sa.delete(OutboxPause).execution_options(synchronize_session=False))


def requeue(session: Session, message: UUID, now: datetime) -> bool:
    """Make a dead, cancelled or pending message due now, with a new retry period of five days.

    False, and nothing is changed, when it is being sent, was delivered or was redacted.
    """
    return _change(
        session,
        message,
        now,
        Outcome.REQUEUED,
        (State.PENDING, State.DEAD, State.CANCELLED),
        {
            "state": State.PENDING,
            "due_at": now,
            "queued_at": now,
            "crashes": 0,
            "used_fallback": False,
        },
    )


def cancel(session: Session, message: UUID, now: datetime) -> bool:
    """Never send a pending or dead message. False when it is being sent or was delivered."""
    return _change(
        session,
        message,
        now,
        Outcome.CANCELLED,
        (State.PENDING, State.DEAD),
        {"state": State.CANCELLED, "due_at": None},
    )


def _change(  # noqa: PLR0913, PLR0917
    session: Session,
    message: UUID,
    now: datetime,
    outcome: Outcome,
    allowed: tuple[State, ...],
    changes: dict[str, Any],
) -> bool:
    changed = session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id == message, OutboxMessage.state.in_(allowed))
        .where(sa.func.length(OutboxMessage.encrypted_message) > 0)  # redacted: nothing to send
        .values(**changes)
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        return False
    session.add(
        DeliveryAttempt(
            message_id=message,
            lease_token=uuid4(),
            owner=OPERATOR,
            started_at=now,
            ended_at=now,
            outcome=outcome,
        )
    )
    return True


def lock_messages(session: Session, references: Sequence[str]) -> Sequence[OutboxMessage]:
    """The messages about these inquiries, locked against changes until this transaction ends."""
    query = (
        sa.select(OutboxMessage)
        .where(OutboxMessage.reference.in_(references))
        .order_by(OutboxMessage.id)
        .with_for_update()
    )
    return session.scalars(query).all()


def redact(session: Session, messages: Sequence[UUID]) -> None:
    """Erase the content of finished ``messages`` and the mail server's replies, which may quote
    a subject with the visitor's name. States, times and outcomes stay.
    """
    selected = OutboxMessage.id.in_(messages)
    options = {"synchronize_session": False}
    session.execute(
        sa.update(OutboxMessage)
        .where(selected, OutboxMessage.state == State.CANCELLED)
        .values(encrypted_message=REDACTED),
        execution_options=options,
    )
    session.execute(
        sa.update(OutboxMessage).where(selected).values(last_error=None), execution_options=options
    )
    session.execute(
        sa.update(DeliveryAttempt)
        .where(DeliveryAttempt.message_id.in_(messages))
        .values(transport_reply=None),
        execution_options=options,
    )
