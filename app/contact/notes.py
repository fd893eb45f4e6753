"""Notes that staff write about an inquiry. They are encrypted, and erased with its content."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.contact.models import Inquiry
from app.database import Base, UTCDateTime
from app.encryption import KeyRing

MAX_LENGTH = 2000


class InquiryNote(Base):
    """One note. It is never changed."""

    __tablename__ = "inquiry_note"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    inquiry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("inquiry.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    author: Mapped[str] = mapped_column(sa.String(80))
    encrypted_text: Mapped[bytes]


def build_note(
    keys: KeyRing, inquiry: Inquiry, text: str, *, author: str, now: datetime
) -> InquiryNote:
    """Encrypt a note. Call ``require_newest_key`` in the transaction that stores it."""
    encrypted = keys.encrypt(text)
    return InquiryNote(
        inquiry_id=inquiry.id, created_at=now, author=author, encrypted_text=encrypted
    )


def list_notes(session: Session, inquiry: Inquiry) -> Sequence[InquiryNote]:
    """The notes about an inquiry, oldest first."""
    query = sa.select(InquiryNote).where(InquiryNote.inquiry_id == inquiry.id)
    return session.scalars(query.order_by(InquiryNote.id)).all()
