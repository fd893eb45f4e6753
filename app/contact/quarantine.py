"""Mark an inquiry as spam. ``InquiryService.release`` is the opposite."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryState
from app.outbox import admin
from app.outbox.models import OutboxMessage, State


class QuarantineError(Exception):
    """The inquiry is not in the state that this needs; nothing was changed."""


def mark_as_spam(session: Session, inquiry: Inquiry, now: datetime) -> None:
    """Put an inquiry, locked by ``find_inquiry``, into quarantine, or confirm that the spam filter
    was right. Its time in quarantine begins now. Cancels what was not sent yet.

    Raises QuarantineError.
    """
    if inquiry.state == InquiryState.ERASED or inquiry.marked_as_spam_at:
        state = "marked as spam" if inquiry.marked_as_spam_at else inquiry.state
        raise QuarantineError(f"This inquiry is {state}; nothing was changed.")
    inquiry.state, inquiry.marked_as_spam_at = InquiryState.QUARANTINED, now
    unsent = sa.select(OutboxMessage.id).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.state.in_((State.PENDING, State.DEAD)),
    )
    for message_id in session.scalars(unsent).all():
        admin.cancel(session, message_id, now)
