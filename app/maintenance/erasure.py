"""Erase inquiries.

The content of an inquiry is deleted with everything made from it: its emails, the digests
that would recognize the same content, and the replies of mail servers. The reference, the
times, the topic and the states stay, so that counts remain correct.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry, InquiryState
from app.maintenance import MaintenanceError
from app.outbox import admin
from app.outbox.models import State


def erase_rows(
    session: Session, inquiries: Sequence[UUID], messages: Sequence[UUID], now: datetime
) -> None:
    """Erase ``inquiries`` and redact their ``messages``, none of which may be pending."""
    admin.redact(session, messages)
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.id.in_(inquiries))
        .values(
            state=InquiryState.ERASED,
            encrypted_content=None,
            submission_key=None,
            content_digest=b"",
            message_digest=None,
            network_digest=None,
            erased_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def erase_inquiry(
    session: Session, inquiry: Inquiry, now: datetime, announcer: Announcer | None = None
) -> int:
    """Erase one inquiry now. Returns how many of its messages were cancelled.

    ``announcer`` tells the webhooks, unless the inquiry is in quarantine, of which they do not
    know. Raises MaintenanceError, without a change, if it is erased already or one of its messages
    is being sent.
    """
    reference = inquiry.reference
    if inquiry.state == InquiryState.ERASED:
        raise MaintenanceError(f"{reference} is already erased; nothing changed")
    messages = admin.lock_messages(session, [reference])
    if any(message.state == State.SENDING for message in messages):
        raise MaintenanceError(
            f"a message about {reference} is being sent; nothing changed, try again in a minute"
        )
    ids = [message.id for message in messages]
    cancelled = sum(admin.cancel(session, message_id, now) for message_id in ids)
    erase_rows(session, [inquiry.id], ids, now)
    if announcer and inquiry.state == InquiryState.RECEIVED:
        announcer.erased(session, [reference], now)
    return cancelled
