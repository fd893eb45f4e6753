"""Answered inquiries: marking them, and undoing it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry, InquiryState
from app.outbox import admin
from app.outbox.models import Kind, OutboxMessage, State

LINK_LIFETIME = timedelta(days=60)  # from the receipt of the inquiry

BY_LINK = "the link in an email"  # as ``answered_by``


def mark_answered(
    session: Session, inquiry: Inquiry, by: str, now: datetime, announcer: Announcer
) -> bool:
    """Mark an inquiry, locked by ``find_inquiry``, as answered. Cancel what would still tell
    staff about it, and tell the webhooks.

    False, and nothing is changed, if it is answered already, quarantined or erased.
    """
    if inquiry.state != InquiryState.RECEIVED or inquiry.answered_at:
        return False
    inquiry.answered_at, inquiry.answered_by = now, by
    for message in _messages_until_answered(session, inquiry):
        # A mailer that was killed while sending keeps its lease for a quarter of an hour.
        admin.cancel(session, message.id, now, also_sending=True)
    announcer.answered(session, inquiry.reference, now)
    return True


def mark_unanswered(session: Session, inquiry: Inquiry, now: datetime) -> bool:
    """Undo ``mark_answered``: send what it cancelled. False if the inquiry is not answered."""
    if not inquiry.answered_at:
        return False
    inquiry.answered_at = inquiry.answered_by = None
    for message in _messages_until_answered(session, inquiry):
        if message.state == State.CANCELLED and message.encrypted_message:
            content, mailbox = message.encrypted_message, message.mailbox
            admin.requeue(session, message.id, content, mailbox, now)
    return True


def _messages_until_answered(session: Session, inquiry: Inquiry) -> list[OutboxMessage]:
    """What is sent only while nobody has answered, locked."""
    messages = admin.lock_messages(session, [inquiry.reference])
    return [message for message in messages if message.kind in (Kind.REMINDER, Kind.NOTIFY)]
