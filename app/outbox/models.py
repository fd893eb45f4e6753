"""Emails to send, their delivery attempts, and the state of the mailers."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from html import escape
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UTCDateTime

SINGLETON_ID = 1  # of the only row of mail_transport_state and of outbox_pause


@dataclass(frozen=True)
class OutgoingEmail:
    """One email to one recipient. The outbox adds its Message-ID and date.

    ``reply_to`` is an ASCII address or None. ``reference`` is the inquiry's, or another
    name without personal data. An acknowledgement goes to the visitor and is best effort.
    """

    recipient: str
    sender_name: str
    subject: str
    text: str
    html: str
    reference: str
    reply_to: str | None = None
    is_acknowledgement: bool = False

    def to_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> "OutgoingEmail":
        return cls(**json.loads(text))

    def redirected(self, recipient: str) -> "OutgoingEmail":
        """The same email for another mailbox, with a note that names the one that refused it."""
        note = f"{self.recipient} refused this email. Yours is the fallback mailbox."
        return replace(
            self,
            recipient=recipient,
            text=f"{note}\n\n{self.text}",
            html=self.html.replace("<main>", f"<main><p><strong>{escape(note)}</strong></p>", 1),
        )


class State(StrEnum):
    """The state of a message. Only pending and sending messages have a due time."""

    @classmethod
    def undeliverable(cls, *, is_acknowledgement: bool) -> "State":
        """The final state after a failed delivery: dead raises an alert, cancelled does not."""
        return cls.CANCELLED if is_acknowledgement else cls.DEAD

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """The result of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    RELEASED = "released"
    MISSING_KEY = "missing key"
    REQUEUED = "requeued"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class OutboxMessage(Base):
    """An email to deliver to one recipient. While it is being sent, ``due_at`` is the end
    of the lease.

    A check constraint keeps messages from getting lost: an unfinished message always has a
    due time, and the index finds it by that time. ``request_id`` identifies the HTTP request
    in the log.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        sa.CheckConstraint(
            "(state in ('pending', 'sending') and due_at is not null)"
            " or (state in ('delivered', 'dead', 'cancelled') and due_at is null)",
            name="unfinished_is_due",
        ),
        sa.CheckConstraint(
            "state = 'delivered' or encrypted_message is not null", name="undelivered_has_mail"
        ),
        # The index is partial on PostgreSQL too, by the migrations: declaring it here would
        # load that dialect (2 MB, 35 ms) on every site with SQLite.
        sa.Index(None, "due_at", sqlite_where=sa.text("due_at is not null")),
        sa.Index(None, "reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(40))
    message_id: Mapped[str] = mapped_column(sa.String(200), unique=True)
    encrypted_message: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    queued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    used_fallback: Mapped[bool] = mapped_column(default=False)
    lease_token: Mapped[UUID | None]
    owner: Mapped[str | None] = mapped_column(sa.String(120))
    claimed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_code: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(sa.String(300))
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    request_id: Mapped[str | None] = mapped_column(sa.String(16))
    is_acknowledgement: Mapped[bool] = mapped_column(default=False)


class DeliveryAttempt(Base):
    """One attempt. Written when it has ended, never updated except for redaction."""

    __tablename__ = "delivery_attempt"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    message_id: Mapped[UUID] = mapped_column(sa.ForeignKey("outbox_message.id"), index=True)
    lease_token: Mapped[UUID]
    owner: Mapped[str] = mapped_column(sa.String(120))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime] = mapped_column(UTCDateTime)
    outcome: Mapped[str] = mapped_column(sa.String(12))
    code: Mapped[int | None]
    transport_reply: Mapped[str | None] = mapped_column(sa.String(300))


class MailTransportState(Base):
    """The circuit breaker of the mail server: one row, shared by all mailers."""

    __tablename__ = "mail_transport_state"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    failures: Mapped[int] = mapped_column(default=0)
    down_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    probe_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str | None] = mapped_column(sa.String(300))


class MailerHeartbeat(Base):
    """When each mailer last recorded that it runs. ``stopped_at`` marks an orderly stop."""

    __tablename__ = "mailer"

    owner: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UTCDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class MailerDowntime(Base):
    """A period without a running mailer, recorded by the next mailer that starts."""

    __tablename__ = "mailer_downtime"

    started_at: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(UTCDateTime)


class OutboxPause(Base):
    """While this row exists, no mailer sends anything."""

    __tablename__ = "outbox_pause"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(sa.String(200))
