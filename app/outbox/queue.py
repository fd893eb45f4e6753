"""The outbox: mail that is written down before it is sent.

Guarantee: **at least once**. A row is written in the transaction of whoever
wants the mail sent, so neither exists without the other. A mailer takes it
with a lease and reports afterwards; it is never marked as sent before the
relay has said so. A mailer that dies leaves a row that becomes due again when
its lease ends. A second copy can come only from a death between the relay's
"250" and the commit that records it; it bears the same Message-ID and date.

Reports are fenced by the lease's token: a mailer that was too slow and lost
its lease changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import make_msgid
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.encryption import KeyRing
from app.outbox import retry_schedule
from app.outbox.models import DeliveryAttempt, OutboxMessage, Outcome, OutgoingEmail, State

MAX_CRASHES = 5
OutboxRow = dict[str, Any]
# Made once: to build a statement costs more than to run it.
DUE = sa.or_(
    OutboxMessage.due_at <= sa.bindparam("now"), OutboxMessage.due_at > sa.bindparam("horizon")
)
ANY = sa.select(sa.exists().where(DUE))
NEXT = (
    sa.select(OutboxMessage.__table__)
    .where(DUE)
    .order_by(OutboxMessage.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
TAKE = (
    sa.update(OutboxMessage)
    .where(OutboxMessage.id == sa.bindparam("taken"))
    .values(
        state=State.SENDING,
        due_at=sa.bindparam("until"),
        lease_token=sa.bindparam("lease"),
        owner=sa.bindparam("taker"),
        claimed_at=sa.bindparam("at"),
        attempts=OutboxMessage.attempts + 1,
    )
)
CANCEL = (
    sa.update(OutboxMessage)
    .where(OutboxMessage.id == sa.bindparam("late"))
    .values(state=State.CANCELLED, due_at=None, lease_token=None, owner=None)
)


@dataclass(frozen=True)
class Claim:
    """A lease on one message: what to send, and the token that settles it."""

    id: UUID
    lease_token: UUID
    owner: str
    reference: str
    message_id: str
    created_at: datetime
    queued_at: datetime
    started_at: datetime
    encrypted_message: bytes
    used_fallback: bool
    request_id: str | None = None
    is_acknowledgement: bool = False
    probe: bool = False  # it finds out whether the relay is back


def build_row(
    keys: KeyRing,
    mail: OutgoingEmail,
    *,
    domain: str,
    now: datetime,
    request_id: str | None = None,
) -> OutboxRow:
    """The row that keeps ``mail``, due at once; what takes time is done when this returns.

    ``domain`` is the right side of the Message-ID, which the mail keeps for life;
    ``request_id`` is that of the request behind it, in the log.
    """
    return {
        "id": uuid4(),
        "reference": mail.reference,
        "message_id": make_msgid(idstring=mail.reference, domain=domain),
        "encrypted_message": keys.encrypt(mail.to_json()),
        "state": State.PENDING,
        "created_at": now,
        "queued_at": now,
        "due_at": now,
        "request_id": request_id,
        "is_acknowledgement": mail.is_acknowledgement,
    }


def insert(connection: sa.Connection, rows: list[OutboxRow]) -> None:
    """Write ``rows``, made by ``build_row``, into the caller's transaction."""
    if rows:
        connection.execute(sa.insert(OutboxMessage), rows)


def enqueue(
    session: Session, keys: KeyRing, mail: OutgoingEmail, *, domain: str, now: datetime
) -> None:
    """Write ``mail`` into the caller's transaction; it is due at once."""
    insert(session.connection(), [build_row(keys, mail, domain=domain, now=now)])


def has_due(session: Session, now: datetime) -> bool:
    """Whether a claim would find something; takes no lock."""
    return bool(session.connection().execute(ANY, _times(now)).scalar())


def _times(now: datetime) -> dict[str, datetime]:
    return {"now": now, "horizon": now + retry_schedule.MAX_DUE_AHEAD}


def claim(session: Session, owner: str, now: datetime, *, probe: bool = False) -> Claim | None:
    """Take the message that has been due longest, for ``schedule.LEASE``.

    A row whose lease ran out killed its mailer or hung: that is counted, and a
    row that did so five times is dead, so that it never stops the others.
    """
    found = _next(session, now)
    if found is None or found.encrypted_message is None:
        return None
    if found.state == State.SENDING:
        message = session.get_one(OutboxMessage, found.id, populate_existing=True)
        _count_crash(session, message, now)
        session.flush()
        if message.due_at is None:
            return claim(session, owner, now, probe=probe)
    lease_token = uuid4()
    lease = {"lease": lease_token, "taker": owner, "at": now, "until": now + retry_schedule.LEASE}
    session.connection().execute(TAKE, {"taken": found.id, **lease})
    return Claim(
        id=found.id,
        lease_token=lease_token,
        owner=owner,
        reference=found.reference,
        message_id=found.message_id,
        created_at=found.created_at,
        queued_at=found.queued_at,
        started_at=now,
        encrypted_message=found.encrypted_message,
        used_fallback=found.used_fallback,
        request_id=found.request_id,
        is_acknowledgement=found.is_acknowledgement,
        probe=probe,
    )


def _next(session: Session, now: datetime) -> sa.Row[Any] | None:
    """The row that has been due longest, locked. Courtesies that are too late end here."""
    connection = session.connection()
    while found := connection.execute(NEXT, _times(now)).one_or_none():
        if not retry_schedule.is_expired(
            found.queued_at, now, is_acknowledgement=found.is_acknowledgement
        ):
            return found
        connection.execute(CANCEL, {"late": found.id})
    return None


def _count_crash(session: Session, message: OutboxMessage, now: datetime) -> None:
    message.crashes += 1
    message.last_error = f"the mailer ended without a report ({message.crashes} times)"
    message.state = State.PENDING
    if message.lease_token and message.owner and message.claimed_at:
        session.add(
            DeliveryAttempt(
                message_id=message.id,
                lease_token=message.lease_token,
                owner=message.owner,
                started_at=message.claimed_at,
                ended_at=now,
                outcome=Outcome.CRASHED,
                transport_reply=message.last_error,
            )
        )
    if message.crashes >= MAX_CRASHES:
        message.state = State.undeliverable(is_acknowledgement=message.is_acknowledgement)
        message.due_at = None


def release_leases(session: Session, owner: str, now: datetime) -> int:
    """Make the messages of a dead mailer due at once; how many there were."""
    held = session.scalars(
        sa.select(OutboxMessage)
        .where(OutboxMessage.due_at.is_not(None))
        .where(OutboxMessage.state == State.SENDING, OutboxMessage.owner == owner)
        .with_for_update()
    ).all()
    for message in held:
        _count_crash(session, message, now)
        if message.due_at is not None:
            message.due_at = now
    return len(held)
