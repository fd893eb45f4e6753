"""What it means that an inquiry is erased.

The words go, and with them all that was made from them: the mails, the digests
that would tell the same words again, and what relays said. The reference, the
times, the topic and the states stay, so that the counts stay true.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryState
from app.outbox import admin
from app.outbox.admin import lock_messages, redact
from app.outbox.models import State

NO_DIGEST = b""


class SendingInProgressError(Exception):
    """A mail of the inquiry is under way just now."""


def erase(
    session: Session, inquiries: Sequence[UUID], messages: Sequence[UUID], now: datetime
) -> None:
    """Erase ``inquiries`` with their ``messages``, none of which waits to be sent."""
    redact(session, messages)
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.id.in_(inquiries))
        .values(
            state=InquiryState.ERASED,
            encrypted_content=None,
            submission_key=None,
            content_digest=NO_DIGEST,
            message_digest=None,
            source_digest=None,
            erased_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def erase_inquiry(session: Session, inquiry: Inquiry, now: datetime) -> int:
    """Erase ``inquiry`` at a visitor's wish; returns how many mails were cancelled for it.

    Raises SendingInProgressError, and nothing is changed, while one of its mails is under way.
    """
    messages = lock_messages(session, [inquiry.reference])
    if any(message.state == State.SENDING for message in messages):
        raise SendingInProgressError
    identities = [message.id for message in messages]
    cancelled = sum(admin.cancel(session, one, now) for one in identities)
    erase(session, [inquiry.id], identities, now)
    return cancelled
