"""What a person may do to a message. Each act leaves an attempt row as its trace."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox.models import DeliveryAttempt, OutboxMessage, Outcome, State

Act = Callable[[Session, UUID, datetime], bool]
BY_HAND = "operator"


def requeue(session: Session, message: UUID, now: datetime) -> bool:
    """Make a dead, cancelled or waiting message due now, with its five days anew.

    False, and nothing is changed, when it is being sent, was delivered or was erased.
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
    """Never send a waiting or dead message. False when it is being sent or was delivered."""
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
        .where(sa.func.length(OutboxMessage.encrypted_message) > 0)  # an erased one holds nothing
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
            owner=BY_HAND,
            started_at=now,
            ended_at=now,
            outcome=outcome,
        )
    )
    return True
