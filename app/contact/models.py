"""The inquiry and the acknowledgement limit: data, tables and reference numbers."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import choice
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UTCDateTime
from app.encryption import KeyRing

# Without 0 1 I O Q Z, which are easily confused, and without vowels, which form words.
ALPHABET = "BCDFGHJKLMNPRSTVWX23456789"
REFERENCE_PATTERN = rf"[{ALPHABET}]{{3}}-[{ALPHABET}]{{3}}"


@dataclass(frozen=True)
class InquiryData:
    """The validated content of an inquiry. ``phone_e164`` is ``phone`` in E.164, or empty.
    ``text_consent`` are the words by which the visitor agreed to text messages, or empty.

    Stored as JSON. A new field goes to the end with a default, even if the form requires it:
    inquiries that are already stored do not have it.
    """

    name: str
    email: str
    phone: str
    phone_e164: str
    reply_by: str
    voicemail_ok: bool
    best_time: str
    topic: str
    location: str
    message: str
    text_consent: str = ""

    @property
    def free_text(self) -> str:
        """All fields that visitors fill in with their own words."""
        return f"{self.name}\n{self.best_time}\n{self.message}"

    def to_json(self) -> str:
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "InquiryData":
        return cls(**json.loads(text))


class InquiryState(StrEnum):
    """Quarantined: likely spam, not emailed to staff. Erased: the content is deleted."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    ERASED = "erased"


# Literals, not bound values: otherwise neither database uses the partial indexes.
IS_QUARANTINED = sa.text("state = 'quarantined'")
IS_TO_REVIEW = sa.text("state = 'quarantined' and marked_as_spam_at is null")
IS_UNANSWERED = sa.text("state = 'received' and answered_at is null")
IS_ANSWERED = sa.text("state = 'received' and answered_at is not null")


class Inquiry(Base):
    """An inquiry. Its content is encrypted; no other column has personal data.

    ``submission_key`` finds repeated submissions. It is cleared once it has expired, so that
    the same content next week is a new inquiry. ``message_digest`` and ``network_digest``
    (keyed, of the message and of the sender's network) are kept for a day, for the spam filter.
    An erased inquiry has no digests: ``content_digest`` is empty. ``request_id`` is that of the
    post in the web server's log. ``taken_by`` is the member of staff who works on it.
    ``quarantine_reasons`` are those of the spam filter, ``marked_as_spam_at`` is when staff judged.
    """

    __tablename__ = "inquiry"
    __table_args__ = (
        sa.CheckConstraint("state in ('received', 'quarantined', 'erased')", name="known_state"),
        sa.Index("ix_inquiry_quarantined", "created_at", sqlite_where=IS_QUARANTINED),
        sa.Index("ix_inquiry_unanswered", "created_at", sqlite_where=IS_UNANSWERED),
        sa.Index("ix_inquiry_answered", "answered_at", sqlite_where=IS_ANSWERED),
        sa.CheckConstraint(
            "(state = 'erased') = (encrypted_content is null)", name="erased_is_empty"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(7), unique=True)
    submission_key: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32), unique=True)
    content_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    encrypted_content: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(sa.String(20))
    topic: Mapped[str] = mapped_column(sa.String(40))
    location: Mapped[str] = mapped_column(sa.String(40), server_default=sa.text("''"))
    quarantine_reasons: Mapped[str | None] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    request_id: Mapped[str | None] = mapped_column(sa.String(16))
    erased_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    marked_as_spam_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    escalated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    answered_by: Mapped[str | None] = mapped_column(sa.String(80))
    taken_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    taken_by: Mapped[str | None] = mapped_column(sa.String(80))
    message_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(16), index=True)
    network_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(16), index=True)

    @property
    def waiting_since(self) -> datetime:
        """When the front desk could first answer: on receipt, or on release from quarantine."""
        return self.released_at or self.created_at

    def decrypt(self, keys: KeyRing) -> InquiryData | None:
        """What the visitor wrote, or None once erased. Raises UnknownKeyError."""
        if self.encrypted_content is None:
            return None
        return InquiryData.from_json(keys.decrypt(self.encrypted_content))


class AcknowledgementLimit(Base):
    """Blocks further acknowledgements to an address for an hour.

    Anyone can enter another person's address, so it must not be flooded. Neither the address nor
    its domain can be recovered from the keyed digests.
    """

    __tablename__ = "acknowledgement_limit"

    address_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    domain_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    queued_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


def new_reference() -> str:
    """A random reference that is easy to read out on the phone, like ``K7R-4M2``."""
    characters = "".join(choice(ALPHABET) for _ in range(6))
    return f"{characters[:3]}-{characters[3:]}"
