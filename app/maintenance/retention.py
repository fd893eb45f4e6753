"""Letting go: the words of an inquiry are kept for a time that visitors are told.

Counted from the last delivery, or from the cancelling of a mail that is not to
be sent. Nothing is erased that somebody still waits for: a pending, sending or
dead message keeps the words of its inquiry, however old it is.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryState
from app.contact.queries import delete_expired_acknowledgements
from app.contact.spam.recent_submissions import clear_spam_digests
from app.database import Database
from app.maintenance.erasure import erase
from app.maintenance.vacuum import purge_deleted
from app.outbox.admin import lock_messages
from app.outbox.models import DeliveryAttempt, OutboxMessage, Outcome, State
from app.scheduler import Job, daily, every

log = logging.getLogger("frontdesk.retention")

NAME = "retention"
AT = clock_time(3, 30)  # when visitors sleep
BATCH = 50  # inquiries for one short transaction
PAUSE = 0.05  # seconds between two of them, in which visitors' posts get their turn

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class RetentionPeriods:
    """How many days words are kept: after the last delivery, and when held as spam."""

    days: int
    quarantine_days: int


@dataclass(frozen=True)
class ExpiredInquiry:
    """An inquiry whose time has come. ``since`` is when its time began to run."""

    id: UUID
    reference: str
    state: str
    since: datetime


def find_expired(session: Session, limits: RetentionPeriods, now: datetime) -> list[ExpiredInquiry]:
    """What is to be erased at ``now``, in the order in which it came."""
    query = (
        sa.select(Inquiry.id, Inquiry.reference, Inquiry.state, _since())
        .where(_is_due(limits, now))
        .order_by(Inquiry.created_at)
    )
    return [ExpiredInquiry(*row) for row in session.execute(query)]


def count_kept(session: Session, limits: RetentionPeriods, now: datetime) -> int:
    """How many are as old and stay, because a mail of theirs is not delivered."""
    old = (Inquiry.state == InquiryState.RECEIVED, Inquiry.created_at < _delivered(limits, now))
    query = sa.select(sa.func.count()).select_from(Inquiry).where(*old, _unfinished())
    return session.scalar(query) or 0


def run(database: Database, limits: RetentionPeriods) -> int:
    """Erase what has expired, in short transactions; returns the number of inquiries."""
    with database.read_session() as session:
        found = [one.id for one in find_expired(session, limits, database.now(session))]
    with database.session() as session:
        delete_expired_acknowledgements(session, database.now(session))
    erased = sum(_erase_batch(database, batch, limits) for batch in _batches(found))
    if erased:
        purge_deleted(database)
    return erased


def cleanup_job() -> Job:
    """Every hour, take away what is kept for a day to tell a flood."""
    return Job("traces", every(timedelta(hours=1)), clear_spam_digests)


def retention_job(database: Database, zone: ZoneInfo, days: int, held_days: int) -> Job:
    """The same once a night, by whichever mailer has the turn."""

    def erase_due() -> None:
        log.info("words erased of inquiries: %d", run(database, RetentionPeriods(days, held_days)))

    return Job(NAME, daily(AT, zone), lambda _session, _now: erase_due)


def _batches(found: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(found), BATCH):
        if start:
            time.sleep(PAUSE)
        yield found[start : start + BATCH]


def _erase_batch(database: Database, found: list[UUID], limits: RetentionPeriods) -> int:
    """Erase those of ``found`` that are due still: some may have been sent again meanwhile."""
    with database.session() as session:
        now = database.now(session)
        references = session.scalars(
            sa.select(Inquiry.reference).where(Inquiry.id.in_(found))
        ).all()
        # Locked first, judged afterwards: nobody requeues between the two.
        messages = lock_messages(session, references)
        query = sa.select(Inquiry).where(Inquiry.id.in_(found), _is_due(limits, now))
        still = {one.reference: one.id for one in session.scalars(query.with_for_update())}
        theirs = [message.id for message in messages if message.reference in still]
        erase(session, list(still.values()), theirs, now)
    return len(still)


def _is_due(limits: RetentionPeriods, now: datetime) -> Condition:
    delivered = sa.and_(
        Inquiry.state == InquiryState.RECEIVED,
        Inquiry.created_at < _delivered(limits, now),  # cheap, and spares the look at younger ones
        ~_unfinished(),
        _last_end() < _delivered(limits, now),
    )
    held = sa.and_(
        Inquiry.state == InquiryState.QUARANTINED,
        Inquiry.created_at < now - timedelta(days=limits.quarantine_days),
    )
    return sa.or_(delivered, held)


def _delivered(limits: RetentionPeriods, now: datetime) -> datetime:
    return now - timedelta(days=limits.days)


def _since() -> sa.ColumnElement[datetime]:
    return sa.case(
        (Inquiry.state == InquiryState.QUARANTINED, Inquiry.created_at), else_=_last_end()
    )


def _unfinished() -> Condition:
    waiting = OutboxMessage.state.not_in((State.DELIVERED, State.CANCELLED))
    return sa.exists().where(OutboxMessage.reference == Inquiry.reference, waiting)


def _last_end() -> sa.ColumnElement[datetime]:
    """When the last of an inquiry's mails was delivered or cancelled; NULL without any mail."""
    cancelled = (
        sa.select(sa.func.max(DeliveryAttempt.ended_at))
        .where(DeliveryAttempt.message_id == OutboxMessage.id)
        .where(DeliveryAttempt.outcome == Outcome.CANCELLED)
        .scalar_subquery()
    )
    end = sa.func.coalesce(OutboxMessage.delivered_at, cancelled, OutboxMessage.queued_at)
    return (
        sa.select(sa.func.max(end))
        .where(OutboxMessage.reference == Inquiry.reference)
        .scalar_subquery()
    )
