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

from app.crypto import KeyRing
from app.outbox import schedule
from app.outbox.message import (
    DeliveryAttempt,
    OutboxMessage,
    Outcome,
    OutgoingMail,
    State,
)

MOST_CRASHES = 5
INSERT = sa.insert(OutboxMessage)
Row = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A lease on one message: what to send, and the token that settles it."""

    id: UUID
    token: UUID
    owner: str
    about: str
    message_id: str
    created_at: datetime
    queued_at: datetime
    started_at: datetime
    sealed_mail: bytes
    fell_back: bool
    request_id: str | None = None
    courtesy: bool = False
    probe: bool = False  # it finds out whether the relay is back


def sealed(
    keys: KeyRing,
    mail: OutgoingMail,
    *,
    domain: str,
    now: datetime,
    request_id: str | None = None,
) -> Row:
    """The row that keeps ``mail``, due at once; what takes time is done when this returns.

    ``domain`` is the right side of the Message-ID, which the mail keeps for life;
    ``request_id`` is that of the request behind it, in the log.
    """
    return {
        "id": uuid4(),
        "about": mail.about,
        "message_id": make_msgid(idstring=mail.about, domain=domain),
        "sealed_mail": keys.seal(mail.to_json()),
        "state": State.PENDING,
        "created_at": now,
        "queued_at": now,
        "due_at": now,
        "request_id": request_id,
        "courtesy": mail.courtesy,
    }


def put(session: Session, rows: list[Row]) -> None:
    """Write ``rows``, made by ``sealed``, into the caller's transaction."""
    if rows:
        session.connection().execute(INSERT, rows)


def enqueue(
    session: Session, keys: KeyRing, mail: OutgoingMail, *, domain: str, now: datetime
) -> None:
    """Write ``mail`` into the caller's transaction; it is due at once."""
    put(session, [sealed(keys, mail, domain=domain, now=now)])


def _claimable(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(OutboxMessage.due_at <= now, OutboxMessage.due_at > now + schedule.HORIZON)


def anything_due(session: Session, now: datetime) -> bool:
    """Whether a claim would find something; takes no lock."""
    return bool(session.scalar(sa.select(sa.exists().where(_claimable(now)))))


def claim(session: Session, owner: str, now: datetime, *, probe: bool = False) -> Claim | None:
    """Take the message that has been due longest, for ``schedule.LEASE``.

    A row whose lease ran out killed its mailer or hung: that is counted, and a
    row that did so five times is dead, so that it never stops the others.
    """
    message = session.scalar(
        sa.select(OutboxMessage)
        .where(_claimable(now))
        .order_by(OutboxMessage.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if message is None or message.sealed_mail is None:
        return None
    if message.state == State.SENDING:
        _count_crash(session, message, now)
        if message.due_at is None:
            session.flush()
            return claim(session, owner, now, probe=probe)
    message.state = State.SENDING
    message.due_at = now + schedule.LEASE
    message.token = uuid4()
    message.owner = owner
    message.claimed_at = now
    message.attempts += 1
    return Claim(
        id=message.id,
        token=message.token,
        owner=owner,
        about=message.about,
        message_id=message.message_id,
        created_at=message.created_at,
        queued_at=message.queued_at,
        started_at=now,
        sealed_mail=message.sealed_mail,
        fell_back=message.fell_back,
        request_id=message.request_id,
        courtesy=message.courtesy,
        probe=probe,
    )


def _count_crash(session: Session, message: OutboxMessage, now: datetime) -> None:
    message.crashes += 1
    message.last_error = f"the mailer ended without a report ({message.crashes} times)"
    message.state = State.PENDING
    if message.token and message.owner and message.claimed_at:
        session.add(
            DeliveryAttempt(
                message_id=message.id,
                token=message.token,
                owner=message.owner,
                started_at=message.claimed_at,
                ended_at=now,
                outcome=Outcome.CRASHED,
                said=message.last_error,
            )
        )
    if message.crashes >= MOST_CRASHES:
        message.state = State.given_up(courtesy=message.courtesy)
        message.due_at = None


def release_owner(session: Session, owner: str, now: datetime) -> int:
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
