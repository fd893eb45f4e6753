"""Retention: delete inquiry content after the period that the privacy page states.

The period begins when the last email of an inquiry was delivered or cancelled. An inquiry
with an email that is pending, being sent or dead keeps its content, however old it is.
"""

import logging
import time
from collections.abc import Sequence
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
from app.maintenance.erasure import erase_rows
from app.maintenance.vacuum import purge_deleted
from app.outbox import admin
from app.outbox.models import DeliveryAttempt, OutboxMessage, Outcome, State
from app.scheduler import Job, daily, every

log = logging.getLogger("frontdesk.retention")

JOB_NAME = "retention"
RUN_AT = clock_time(3, 30)  # in the clinic's time zone, when traffic is low
BATCH_SIZE = 50  # inquiries in one short transaction
PAUSE_SECONDS = 0.05  # seconds between transactions, so that requests can write

# id, reference, state, and since when its period runs
ExpiredInquiry = sa.Row[UUID, str, str, datetime]


@dataclass(frozen=True)
class RetentionPeriods:
    """Days to keep content: after the last delivery, and in quarantine."""

    days: int
    quarantine_days: int


def find_expired(
    session: Session, periods: RetentionPeriods, now: datetime
) -> Sequence[ExpiredInquiry]:
    """Return the inquiries whose content is to be deleted, oldest first."""
    since = sa.case(
        (Inquiry.state == InquiryState.QUARANTINED, Inquiry.created_at), else_=_last_message_end()
    )
    query = (
        sa.select(Inquiry.id, Inquiry.reference, Inquiry.state, since.label("since"))
        .where(_is_expired(periods, now))
        .order_by(Inquiry.created_at)
    )
    return session.execute(query).all()


def count_undelivered(session: Session, periods: RetentionPeriods, now: datetime) -> int:
    """Count the inquiries old enough that stay because an email is not delivered."""
    query = sa.select(sa.func.count(Inquiry.id)).where(
        Inquiry.state == InquiryState.RECEIVED,
        Inquiry.created_at < now - timedelta(days=periods.days),
        _has_unfinished_message(),
    )
    return session.scalar(query) or 0


def delete_expired(database: Database, periods: RetentionPeriods) -> int:
    """Delete expired content in short transactions. Returns the number of inquiries."""
    with database.read_session() as session:
        expired = [inquiry.id for inquiry in find_expired(session, periods, database.now(session))]
    with database.session() as session:
        delete_expired_acknowledgements(session, database.now(session))
    erased = 0
    for start in range(0, len(expired), BATCH_SIZE):
        if start:
            time.sleep(PAUSE_SECONDS)
        erased += _erase_batch(database, expired[start : start + BATCH_SIZE], periods)
    if erased:
        purge_deleted(database)
    return erased


def spam_digest_cleanup_job() -> Job:
    """Delete, every hour, the digests that the spam filter keeps for a day."""
    return Job("spam-digests", every(timedelta(hours=1)), clear_spam_digests)


def retention_job(database: Database, zone: ZoneInfo, days: int, quarantine_days: int) -> Job:
    """Delete expired content every night."""

    def delete_content() -> None:
        periods = RetentionPeriods(days, quarantine_days)
        log.info("content deleted of inquiries: %d", delete_expired(database, periods))

    return Job(JOB_NAME, daily(RUN_AT, zone), lambda _session, _now: delete_content)


def _erase_batch(database: Database, ids: list[UUID], periods: RetentionPeriods) -> int:
    """Erase those of ``ids`` that are still expired: an email may have been requeued since."""
    with database.session() as session:
        now = database.now(session)
        references = session.scalars(sa.select(Inquiry.reference).where(Inquiry.id.in_(ids))).all()
        # Locked before the second check, so that nothing is requeued in between.
        messages = admin.lock_messages(session, references)
        query = sa.select(Inquiry).where(Inquiry.id.in_(ids), _is_expired(periods, now))
        expired = {
            inquiry.reference: inquiry.id for inquiry in session.scalars(query.with_for_update())
        }
        message_ids = [message.id for message in messages if message.reference in expired]
        erase_rows(session, list(expired.values()), message_ids, now)
    return len(expired)


def _is_expired(periods: RetentionPeriods, now: datetime) -> sa.ColumnElement[bool]:
    cutoff = now - timedelta(days=periods.days)
    delivered = sa.and_(
        Inquiry.state == InquiryState.RECEIVED,
        Inquiry.created_at < cutoff,  # a cheap condition that rules out most rows
        ~_has_unfinished_message(),
        _last_message_end() < cutoff,
    )
    quarantined = sa.and_(
        Inquiry.state == InquiryState.QUARANTINED,
        Inquiry.created_at < now - timedelta(days=periods.quarantine_days),
    )
    return sa.or_(delivered, quarantined)


def _has_unfinished_message() -> sa.ColumnElement[bool]:
    unfinished = OutboxMessage.state.not_in((State.DELIVERED, State.CANCELLED))
    return sa.exists().where(OutboxMessage.reference == Inquiry.reference, unfinished)


def _last_message_end() -> sa.ColumnElement[datetime]:
    """When an inquiry's last message was delivered or cancelled; NULL if it has none."""
    cancelled_at = (
        sa.select(sa.func.max(DeliveryAttempt.ended_at))
        .where(DeliveryAttempt.outbox_message_id == OutboxMessage.id)
        .where(DeliveryAttempt.outcome == Outcome.CANCELLED)
        .scalar_subquery()
    )
    end = sa.func.coalesce(OutboxMessage.delivered_at, cancelled_at, OutboxMessage.queued_at)
    return (
        sa.select(sa.func.max(end))
        .where(OutboxMessage.reference == Inquiry.reference)
        .scalar_subquery()
    )
