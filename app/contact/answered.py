"""Answered inquiries: marking them, and the signed link in the email to staff.

The link is for one inquiry and needs no login. Its signature is the authorization, so another
site cannot mark anything: it does not know the address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from itsdangerous import BadSignature, Signer
from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry, InquiryState
from app.outbox import admin
from app.outbox.models import Kind, OutboxMessage, State

LINK_LIFETIME = timedelta(days=60)  # from the receipt of the inquiry


@dataclass(frozen=True)
class AnsweredLinks:
    """Signs the links. ``secret`` is the same on every host; ``site_url`` has no final slash."""

    secret: str
    site_url: str

    def url(self, reference: str) -> str:
        return f"{self.site_url}/answered/{self._signer().sign(reference).decode()}"

    def reference(self, token: str) -> str | None:
        """The reference that ``token`` was made for; None if it is not one of our tokens."""
        try:
            return self._signer().unsign(token).decode()
        except BadSignature:
            return None

    def _signer(self) -> Signer:
        return Signer(self.secret, salt="answered", digest_method=sha256)


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
    waiting = sa.select(OutboxMessage.id).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.kind.in_((Kind.REMINDER, Kind.NOTIFY)),
        OutboxMessage.state.in_((State.PENDING, State.DEAD)),
    )
    for message_id in session.scalars(waiting).all():
        admin.cancel(session, message_id, now)
    announcer.answered(session, inquiry.reference, now)
    return True


def mark_unanswered(inquiry: Inquiry) -> None:
    """Undo ``mark_answered``: the reminders that were not sent yet are sent again."""
    inquiry.answered_at = inquiry.answered_by = None
