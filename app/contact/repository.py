"""Store a checked inquiry: ONE transaction writes the inquiry and its outbox rows.

When ``receive_inquiry`` has returned, the commit is on disk. A submission that
comes twice (a double click, the back button, a client's retry) finds the first
one by its key and gets the same reference.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.contact.acknowledgement_limit import take_turn
from app.contact.emails import Notify, acknowledgement, notifications
from app.contact.models import Inquiry, InquiryState, Words, new_reference
from app.database import Database
from app.outbox.models import OutgoingEmail
from app.outbox.queue import OutboxRow, build_row, insert

TRIES = 3
# Built once: building a statement takes longer than running it.
INSERT = sa.insert(Inquiry)
SAME = sa.select(Inquiry.id, Inquiry.reference, Inquiry.created_at, Inquiry.content_digest).where(
    Inquiry.submission_key == sa.bindparam("key")
)

log = logging.getLogger("frontdesk.contact")


class KeyReusedError(Exception):
    """The same Idempotency-Key came with other words."""


@dataclass(frozen=True)
class Submission:
    """What tells a repeated submission: a key of 32 bytes, the digest of the words
    (32 bytes, keyed), and how long the key holds. ``address`` is the digest of the
    visitor's address, ``request_id`` that of the log.

    ``message`` and ``source`` are its traces of a day: keyed digests (16 bytes) of the
    message and of the sender's network, None where there is nothing to compare. ``known``:
    the key may have come before. ``now``: the database's time, where it is known already.
    """

    key: bytes
    digest: bytes
    holds: timedelta
    address: bytes = b""
    request_id: str = ""
    message: bytes | None = None
    source: bytes | None = None
    known: bool = True
    now: datetime | None = None


@dataclass(frozen=True)
class Desk:
    """Where inquiries go: the clinic's mailboxes, by way of the database; ``notify`` is
    how much of them, ``acknowledge`` whether the visitor gets a mail too.
    """

    database: Database
    clinic: Clinic
    notify: Notify = Notify.FULL
    acknowledge: bool = False


@dataclass(frozen=True)
class Receipt:
    """What the visitor is told. ``repeated`` when the inquiry was there already."""

    reference: str
    received_at: datetime
    repeated: bool = False


def receive_inquiry(
    desk: Desk,
    words: Words,
    submission: Submission,
    *,
    quarantine_reasons: Sequence[str] = (),
) -> Receipt:
    """Store ``words`` with one outbox row per mailbox, or none when it is held.

    Raises KeyReusedError, or SQLAlchemyError when nothing could be stored.
    """
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            receipt = _receive(desk, words, submission, quarantine_reasons)
        except IntegrityError:
            # Another request with this key, or with this reference, came first:
            # the next round finds the key, or draws another reference.
            if last:
                raise
        except DBAPIError as error:
            # The connection broke, perhaps after the commit: the next round finds the key.
            if last or not error.connection_invalidated:
                raise
        else:
            _tell(receipt, held=bool(quarantine_reasons))
            return receipt
        submission = replace(submission, known=True)
    raise AssertionError("unreachable")


def _receive(
    desk: Desk,
    words: Words,
    submission: Submission,
    quarantine_reasons: Sequence[str],
) -> Receipt:
    now = submission.now or _now(desk.database)
    receipt, request_id = Receipt(new_reference(), now), submission.request_id or None
    inquiry = {
        "id": uuid4(),
        "reference": receipt.reference,
        "submission_key": submission.key,
        "content_digest": submission.digest,
        "encrypted_content": desk.database.keys.seal(words.to_json()),
        "state": InquiryState.QUARANTINED if quarantine_reasons else InquiryState.RECEIVED,
        "quarantine_reasons": ", ".join(quarantine_reasons)[:200] or None,
        "topic": words.topic,
        "created_at": now,
        "request_id": request_id,
        "message_digest": submission.message,
        "source_digest": submission.source,
    }
    mails = [] if quarantine_reasons else _mails(desk, words, receipt, now, request_id)
    courtesy = [] if quarantine_reasons else _courtesy(desk, words, receipt, request_id)
    # Encryption and template rendering are done by now: the write lock is held briefly.
    with desk.database.session() as session:
        connection = session.connection()
        if submission.known and (first := _same_submission(connection, submission, now)):
            return first
        connection.execute(INSERT, inquiry)
        insert(connection, mails)
        if courtesy and take_turn(connection, submission.address, now):
            insert(connection, courtesy)
    return receipt


def _now(database: Database) -> datetime:
    with database.read_session() as session:
        return database.now(session)


def _tell(receipt: Receipt, *, held: bool) -> None:
    what = "received again" if receipt.repeated else "held" if held else "received"
    log.info("inquiry %s", what, extra={"reference": receipt.reference})


def _same_submission(
    connection: sa.Connection, submission: Submission, now: datetime
) -> Receipt | None:
    first = connection.execute(SAME, {"key": submission.key}).one_or_none()
    if first is None:
        return None
    if first.created_at < now - submission.holds:
        gone = sa.update(Inquiry).where(Inquiry.id == first.id).values(submission_key=None)
        connection.execute(gone)
        return None
    if not compare_digest(first.content_digest, submission.digest):
        raise KeyReusedError
    return Receipt(first.reference, first.created_at, repeated=True)


def send_to_front_desk(
    session: Session, desk: Desk, inquiry: Inquiry, words: Words, now: datetime
) -> None:
    """Put the mails for ``inquiry`` into the outbox, one for each mailbox of its topic."""
    receipt = Receipt(inquiry.reference, inquiry.created_at)
    insert(session.connection(), _mails(desk, words, receipt, now, inquiry.request_id))


def _mails(
    desk: Desk, words: Words, receipt: Receipt, now: datetime, request_id: str | None
) -> list[OutboxRow]:
    written = notifications(words, receipt.reference, receipt.received_at, desk.clinic, desk.notify)
    return [_sealed(desk, mail, now, request_id) for mail in written]


def _courtesy(
    desk: Desk, words: Words, receipt: Receipt, request_id: str | None
) -> list[OutboxRow]:
    """The visitor's mail, if there is one. What was held gets none, now or later: it may
    be the work of somebody who types other people's addresses.
    """
    if not desk.acknowledge:
        return []
    mail = acknowledgement(words.email, receipt.reference, desk.clinic)
    return [_sealed(desk, mail, receipt.received_at, request_id)] if mail else []


def _sealed(desk: Desk, mail: OutgoingEmail, now: datetime, request_id: str | None) -> OutboxRow:
    domain = desk.clinic.email.rpartition("@")[2]
    return build_row(desk.database.keys, mail, domain=domain, now=now, request_id=request_id)
