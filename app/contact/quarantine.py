"""Staff judge an inquiry: mark it as spam. ``InquiryService.release`` is the opposite."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryState
from app.outbox import admin
from app.outbox.models import OutboxMessage, State

REASON = "marked as spam by staff"


class QuarantineError(Exception):
    """The inquiry is not in the state that this needs; nothing was changed."""


def mark_as_spam(session: Session, inquiry: Inquiry, now: datetime) -> None:
    """Put an inquiry, locked by ``find_inquiry``, into quarantine. Cancel what was not sent yet.

    Raises QuarantineError.
    """
    if inquiry.state != InquiryState.RECEIVED:
        raise QuarantineError(f"This inquiry is {inquiry.state}; nothing was changed.")
    inquiry.state, inquiry.quarantine_reasons = InquiryState.QUARANTINED, REASON
    unsent = sa.select(OutboxMessage.id).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.state.in_((State.PENDING, State.DEAD)),
    )
    for message_id in session.scalars(unsent).all():
        admin.cancel(session, message_id, now)
