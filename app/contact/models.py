"""The inquiry: what a visitor wrote, and the record that keeps it."""

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

# No 0 1 I O Q Z, which are misread on the phone, and no vowels, which make words.
ALPHABET = "BCDFGHJKLMNPRSTVWX23456789"
REFERENCE_PATTERN = rf"[{ALPHABET}]{{3}}-[{ALPHABET}]{{3}}"


@dataclass(frozen=True)
class InquiryData:
    """What the visitor typed, checked. ``phone_e164`` is ``phone`` in E.164, or empty."""

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

    def to_json(self) -> str:
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "InquiryData":
        return cls(**json.loads(text))


class InquiryState(StrEnum):
    """Received: mailed to the front desk. Held: kept back as likely spam. Erased: words gone."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    ERASED = "erased"


TRACES = tuple(
    (name, sa.text(f"{name} is not null")) for name in ("message_digest", "source_digest")
)


# Written into the statement, not bound: only then do both databases use the index for it.
IS_QUARANTINED = sa.text("state = 'quarantined'")


class Inquiry(Base):
    """One inquiry. The words are sealed; what stands in clear says nothing of the person.

    ``submission_key`` tells a repeated submission while it is fresh; afterwards
    it is taken away, so that the same words next week are a new inquiry. Once
    erased, no digest stays either: ``content_digest`` is empty. ``request_id`` is that
    of the post in the web's log. ``message_digest`` and ``source_digest`` (keyed, of the
    message alone and of the network it came from) are there for a day, to tell a flood.
    """

    __tablename__ = "inquiry"
    __table_args__ = (
        sa.CheckConstraint("state in ('received', 'quarantined', 'erased')", name="known_state"),
        *(sa.Index(None, name, sqlite_where=kept) for name, kept in TRACES),
        sa.Index("ix_inquiry_quarantined", "created_at", sqlite_where=IS_QUARANTINED),
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
    quarantine_reasons: Mapped[str | None] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    request_id: Mapped[str | None] = mapped_column(sa.String(16))
    erased_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    message_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(16))
    source_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(16))

    def decrypt(self, keys: KeyRing) -> InquiryData | None:
        """What the visitor wrote, or None once erased. Raises UnknownKeyError."""
        if self.encrypted_content is None:
            return None
        return InquiryData.from_json(keys.decrypt(self.encrypted_content))


class Acknowledgement(Base):
    """When an address was last sent an acknowledgement: at most one per hour, because anyone
    can enter any address. The address cannot be recovered from ``address_digest``.
    """

    __tablename__ = "acknowledgement"

    address_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


def new_reference() -> str:
    """A short name for an inquiry that can be read out on the phone: ``K7R-4M2``."""
    letters = "".join(choice(ALPHABET) for _ in range(6))
    return f"{letters[:3]}-{letters[3:]}"
