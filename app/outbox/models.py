"""Messages to send, their delivery attempts, and the state of the mailers."""

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

# A literal, not a bound parameter: otherwise neither database uses the partial index, which
# spares reading 200,000 delivered rows.
IS_DEAD = sa.text("state = 'dead'")


class Kind(StrEnum):
    """What a message is: two kinds of email, and two that mailers send in other ways."""

    EMAIL = "email"
    REMINDER = "reminder"  # an email too, cancelled when the inquiry is answered
    NOTIFY = "notify"  # to an address of Apprise
    WEBHOOK = "webhook"


EMAILS = (Kind.EMAIL, Kind.REMINDER)


@dataclass(frozen=True)
class OutgoingEmail:
    """One email to one recipient. The outbox adds its Message-ID and date.

    Stored as JSON until it is delivered: a new field needs a default.

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
    kind: Kind = Kind.EMAIL

    def to_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> "OutgoingEmail":
        return cls(**json.loads(text))

    def redirected(self, recipient: str) -> "OutgoingEmail":
        """The same email for the fallback mailbox, with a note that names the one it was for."""
        note = f"{self.recipient} refused this email. Yours is the fallback mailbox."
        return replace(
            self,
            recipient=recipient,
            text=f"{note}\n\n{self.text}",
            html=self.html.replace("<main>", f"<main><p><strong>{escape(note)}</strong></p>", 1),
        )


@dataclass(frozen=True)
class OutgoingCall:
    """A message that is not an email, to the receiver called ``target`` in clinic.toml.

    ``body`` is text for people, or the JSON of a webhook. Stored as JSON until it is delivered.
    """

    kind: Kind
    target: str
    reference: str
    body: str
    title: str = ""

    def to_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> "OutgoingCall":
        return cls(**json.loads(text))


class State(StrEnum):
    """The state of a message. Only pending and sending messages have a due time."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How one attempt ended. The last two are actions of an operator."""

    DELIVERED = "delivered"
    RECIPIENT_REFUSED = "recipient refused"
    MESSAGE_REFUSED = "message refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    INTERRUPTED = "interrupted"
    MISSING_KEY = "missing key"
    CRASHED = "crashed"
    REQUEUED = "requeued"
    CANCELLED = "cancelled"


class OutboxMessage(Base):
    """A message to deliver to one recipient; ``target`` names that of a message that is no email.

    ``message_id`` is its Message-ID. ``mailbox`` is the clinic's mailbox that it is for, even if
    it was sent to another one; None for an acknowledgement. While it is being sent, ``owner`` is
    the mailer that has the lease, and ``due_at`` is the end of the lease. ``queued_at`` is when
    it was queued last, and ``attempt_count`` counts from then. ``request_id`` identifies the HTTP
    request in the log.

    A check constraint keeps messages from getting lost: an unfinished message always has a due
    time, and the index finds it by that time.
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
        # Both indexes are partial on PostgreSQL too, by the migrations: declaring it here would
        # load that dialect (2 MB, 35 ms) on every site with SQLite.
        sa.Index(None, "due_at", sqlite_where=sa.text("due_at is not null")),
        sa.Index("ix_outbox_message_dead", "queued_at", sqlite_where=IS_DEAD),
        sa.Index(None, "reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(40))
    message_id: Mapped[str] = mapped_column(sa.String(200), unique=True)
    mailbox: Mapped[str | None] = mapped_column(sa.String(254))
    encrypted_message: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    queued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempt_count: Mapped[int] = mapped_column(default=0)
    crash_count: Mapped[int] = mapped_column(default=0)
    used_fallback: Mapped[bool] = mapped_column(default=False)
    lease_token: Mapped[UUID | None]
    owner: Mapped[str | None] = mapped_column(sa.String(120))
    claimed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_code: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(sa.String(300))
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    request_id: Mapped[str | None] = mapped_column(sa.String(16))
    is_acknowledgement: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[str] = mapped_column(sa.String(10), server_default=Kind.EMAIL)
    target: Mapped[str | None] = mapped_column(sa.String(40))

    def schedule(self, due_at: datetime) -> None:
        """Send the message at ``due_at``."""
        self.state, self.due_at = State.PENDING, due_at

    def finish(self, state: State) -> None:
        """Do not send the message again."""
        self.state, self.due_at = state, None

    def give_up(self) -> None:
        """Do not send it again. A message to the clinic is then dead, which raises an alert."""
        self.finish(State.CANCELLED if self.is_acknowledgement else State.DEAD)

    def build_attempt(
        self, outcome: Outcome, now: datetime, code: int | None = None, reply: str | None = None
    ) -> "DeliveryAttempt":
        """The record of the attempt of ``owner``, which began at ``claimed_at`` and ends now."""
        return DeliveryAttempt(
            outbox_message_id=self.id,
            owner=self.owner,
            started_at=self.claimed_at,
            ended_at=now,
            outcome=outcome,
            code=code,
            transport_reply=reply,
        )


class DeliveryAttempt(Base):
    """One attempt. Written when it has ended, never updated except for redaction."""

    __tablename__ = "delivery_attempt"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    outbox_message_id: Mapped[UUID] = mapped_column(sa.ForeignKey("outbox_message.id"), index=True)
    owner: Mapped[str] = mapped_column(sa.String(120))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime] = mapped_column(UTCDateTime)
    outcome: Mapped[str] = mapped_column(sa.String(20))
    code: Mapped[int | None]
    transport_reply: Mapped[str | None] = mapped_column(sa.String(300))


class MailTransportState(Base):
    """The circuit breaker of the transport: one row, shared by all mailers.

    ``fault`` is a ``send_errors.TransportFault`` while the transport is unavailable.
    """

    __tablename__ = "mail_transport_state"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    failure_count: Mapped[int] = mapped_column(default=0)
    unavailable_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_probe_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    fault: Mapped[str | None] = mapped_column(sa.String(20))
    reason: Mapped[str | None] = mapped_column(sa.String(300))


class MailerHeartbeat(Base):
    """When each mailer last recorded that it runs. ``stopped_at`` marks an orderly stop."""

    __tablename__ = "mailer_heartbeat"

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
