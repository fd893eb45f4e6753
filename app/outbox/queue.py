"""The queue: messages are stored before they are sent, and claimed with a lease.

Guarantee: **at least once**. A message is inserted in the transaction of the caller, so it
exists exactly when the inquiry behind it does. A mailer leases a message, sends it, and then
records the result; a message never counts as sent before the mail server has accepted it.
When a mailer crashes, its message becomes due again at the end of the lease. A second copy
is possible only when a mailer crashes after the server's "250" and before the commit that
records it; both copies have the same Message-ID and date.

Results are fenced by the lease token: a mailer that has lost its lease changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from email.utils import make_msgid
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database.key_check_values import require_newest_key
from app.encryption import KeyRing
from app.outbox import retry_schedule
from app.outbox.models import (
    EMAILS,
    Kind,
    OutboxMessage,
    Outcome,
    OutgoingCall,
    OutgoingEmail,
    State,
)

MAX_CRASHES = 5
INSERT = sa.insert(OutboxMessage)
OutboxRow = dict[str, Any]


def build_row(
    keys: KeyRing,
    message: OutgoingEmail | OutgoingCall,
    *,
    domain: str,
    now: datetime,
    request_id: str | None = None,
) -> OutboxRow:
    """The row for ``message``, encrypted and due at once. Needs no database, so that it can be
    built before a transaction begins.

    ``domain`` follows the @ of the Message-ID; ``request_id`` identifies the HTTP request
    in the log.
    """
    return {
        "id": uuid4(),
        "reference": message.reference,
        "message_id": make_msgid(idstring=message.reference, domain=domain),
        "mailbox": _mailbox(message),
        "encrypted_message": keys.encrypt(message.to_json()),
        "state": State.PENDING,
        "created_at": now,
        "queued_at": now,
        "due_at": now,
        "request_id": request_id,
        "is_acknowledgement": isinstance(message, OutgoingEmail) and message.is_acknowledgement,
        "kind": message.kind,
        "target": message.target if isinstance(message, OutgoingCall) else None,
    }


def _mailbox(message: OutgoingEmail | OutgoingCall) -> str | None:
    """The mailbox of the clinic that gets ``message``, if it is an email to one."""
    if isinstance(message, OutgoingCall) or message.is_acknowledgement:
        return None
    return message.recipient


def insert(connection: sa.Connection, rows: list[OutboxRow]) -> None:
    """Insert ``rows``, built by ``build_row``, in the caller's transaction."""
    if rows:
        connection.execute(INSERT, rows)


def enqueue(
    session: Session, keys: KeyRing, email: OutgoingEmail, *, domain: str, now: datetime
) -> None:
    """Insert ``email`` in the caller's transaction; it is due at once. Raises MissingKeyError."""
    require_newest_key(session, keys, now)
    insert(session.connection(), [build_row(keys, email, domain=domain, now=now)])


def has_due(session: Session, now: datetime, kinds: Sequence[Kind] = EMAILS) -> bool:
    """Whether a message of ``kinds`` is due. Takes no lock."""
    return bool(session.scalar(sa.select(sa.exists().where(*_is_due(now, kinds)))))


def _is_due(now: datetime, kinds: Sequence[Kind]) -> tuple[sa.ColumnElement[bool], ...]:
    horizon = now + retry_schedule.MAX_DUE_AHEAD
    is_due = sa.or_(OutboxMessage.due_at <= now, OutboxMessage.due_at > horizon)
    return is_due, OutboxMessage.kind.in_(kinds)


def claim(
    session: Session, owner: str, now: datetime, kinds: Sequence[Kind] = EMAILS
) -> OutboxMessage | None:
    """Lease the message of ``kinds`` that has been due longest, for ``retry_schedule.LEASE``.

    A lease that ran out counts as a crash of its mailer. After MAX_CRASHES a message is dead,
    so that it cannot stop the others. Expired acknowledgements are cancelled on the way.
    """
    query = sa.select(OutboxMessage).where(*_is_due(now, kinds))
    query = query.order_by(OutboxMessage.due_at).limit(1)
    while message := session.scalar(query.with_for_update(skip_locked=True)):
        message.queued_at = min(message.queued_at, now)  # later: the clock was set back
        age = now - message.queued_at
        if message.is_acknowledgement and age >= retry_schedule.ACKNOWLEDGEMENT_GIVE_UP_AFTER:
            message.finish(State.CANCELLED)
        elif message.state == State.SENDING:
            _record_crash(session, message, now)
        if message.due_at is not None:
            message.state, message.due_at = State.SENDING, now + retry_schedule.LEASE
            message.lease_token, message.owner, message.claimed_at = uuid4(), owner, now
            message.attempt_count += 1
            return message
    return None


def _record_crash(session: Session, message: OutboxMessage, now: datetime) -> None:
    message.crash_count += 1
    message.last_error = f"the mailer stopped without a result ({message.crash_count} times)"
    session.add(message.build_attempt(Outcome.CRASHED, now, reply=message.last_error))
    if message.crash_count < MAX_CRASHES:
        message.schedule(now)
    else:
        message.give_up()


def release_leases(session: Session, owner: str, now: datetime) -> int:
    """Make the messages of a crashed mailer due at once. Returns their number."""
    leased = session.scalars(
        sa.select(OutboxMessage)
        .where(OutboxMessage.due_at.is_not(None))  # finds them by the index
        .where(OutboxMessage.state == State.SENDING, OutboxMessage.owner == owner)
        .with_for_update()
    ).all()
    for message in leased:
        _record_crash(session, message, now)
    return len(leased)
