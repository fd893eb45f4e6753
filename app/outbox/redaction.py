"""The outbox lets go of what mails said; that they were sent, when and how stays."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox.models import DeliveryAttempt, OutboxMessage, State

NO_MAIL = b""  # not NULL: only a delivered row may be without a mail


def lock(session: Session, references: Sequence[str]) -> Sequence[OutboxMessage]:
    """The messages about these references; nobody else changes one of them before
    this transaction ends.
    """
    query = (
        sa.select(OutboxMessage)
        .where(OutboxMessage.reference.in_(references))
        .order_by(OutboxMessage.id)
        .with_for_update()
    )
    return session.scalars(query).all()


def forget(session: Session, messages: Sequence[UUID]) -> None:
    """Blank the mails of finished ``messages``, and what relays said of them: a
    relay may quote a subject, and a subject names the visitor.
    """
    ours = OutboxMessage.id.in_(messages)
    quiet = {"synchronize_session": False}
    session.execute(
        sa.update(OutboxMessage)
        .where(ours, OutboxMessage.state == State.CANCELLED)
        .values(encrypted_message=NO_MAIL),
        execution_options=quiet,
    )
    session.execute(
        sa.update(OutboxMessage).where(ours).values(last_error=None), execution_options=quiet
    )
    session.execute(
        sa.update(DeliveryAttempt)
        .where(DeliveryAttempt.message_id.in_(messages))
        .values(transport_reply=None),
        execution_options=quiet,
    )
