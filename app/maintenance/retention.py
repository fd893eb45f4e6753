"""Retention: delete inquiry content after the period that the privacy page states.

The period begins when the last email of an inquiry was delivered or cancelled. An inquiry
with an email that is pending, being sent or dead keeps its content, however old it is.

If the clock is far ahead, every inquiry seems to be past its period. So if the last run is more
than MAX_GAP from now, a person has to confirm the date first.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from functools import partial
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry, InquiryState
from app.contact.queries import delete_expired_acknowledgement_limits
from app.contact.spam.recent_submissions import clear_spam_digests
from app.database import Database
from app.maintenance import audit_log
from app.maintenance.erasure import erase_rows
from app.maintenance.vacuum import purge_deleted
from app.outbox import admin
from app.outbox.models import DeliveryAttempt, Kind, OutboxMessage, Outcome, State
from app.scheduler import AfterCommit, Job, daily, every, last_run

log = logging.getLogger("frontdesk.retention")

JOB_NAME = "retention"
RUN_AT = clock_time(3, 30)  # in the clinic's time zone, when traffic is low
MAX_GAP = timedelta(days=3)  # from the last run; the clock may be wrong if it is longer
REPLACED_BACKUPS = "before-restore-*"  # in the instance folder, made by `flask restore`
KEEP_REPLACED = timedelta(days=14)
BATCH_SIZE = 50  # inquiries in one short transaction
PAUSE_SECONDS = 0.05  # seconds between transactions, so that requests can write

# Only these keep content: reminders, notifications and webhooks that wait are cancelled.
IS_ABOUT_INQUIRY = OutboxMessage.kind == Kind.EMAIL

QUARANTINED_SINCE = sa.func.coalesce(Inquiry.marked_as_spam_at, Inquiry.created_at)

# id, reference, state, and since when its period runs
ExpiredInquiry = sa.Row[UUID, str, str, datetime]


@dataclass(frozen=True)
class RetentionPeriods:
    """Days to keep content, after the last delivery and in quarantine, and the audit log."""

    days: int
    quarantine_days: int
    audit_days: int


def find_expired(
    session: Session, periods: RetentionPeriods, now: datetime
) -> Sequence[ExpiredInquiry]:
    """Return the inquiries whose content is to be deleted, oldest first."""
    since = sa.case(
        (Inquiry.state == InquiryState.QUARANTINED, QUARANTINED_SINCE), else_=_last_message_end()
    )
    query = (
        sa.select(Inquiry.id, Inquiry.reference, Inquiry.state, since.label("since"))
        .where(_is_expired(periods, now))
        .order_by(Inquiry.created_at)
    )
    return session.execute(query).all()


def count_undelivered(session: Session, periods: RetentionPeriods, now: datetime) -> int:
    """Count the inquiries past the period that are kept because of an undelivered email."""
    query = sa.select(sa.func.count(Inquiry.id)).where(
        Inquiry.state == InquiryState.RECEIVED,
        Inquiry.created_at < now - timedelta(days=periods.days),
        _has_unfinished_message(),
    )
    return session.scalar(query) or 0


def needs_confirmation(last: datetime | None, now: datetime) -> bool:
    """Whether the clock is so far from the ``last`` run that a person must confirm the date."""
    return last is not None and abs(now - last) > MAX_GAP


def unconfirmed_since(session: Session, now: datetime) -> datetime | None:
    """The last run, if nothing is deleted any more until a person confirms the date."""
    last = last_run(session, JOB_NAME)
    return last if needs_confirmation(last, now) else None


def delete_expired(
    database: Database, periods: RetentionPeriods, now: datetime, announcer: Announcer
) -> int:
    """Delete content expired at ``now`` in short transactions. Returns how many inquiries.

    ``announcer`` tells the webhooks.
    """
    with database.read_session() as session:
        expired = [inquiry.id for inquiry in find_expired(session, periods, now)]
    with database.session() as session:
        delete_expired_acknowledgement_limits(session, now)
        audit_log.delete_expired(session, now, periods.audit_days)
    erased = 0
    for start in range(0, len(expired), BATCH_SIZE):
        if start:
            time.sleep(PAUSE_SECONDS)
        batch = expired[start : start + BATCH_SIZE]
        erased += _erase_batch(database, batch, periods, now, announcer)
    if erased:
        purge_deleted(database)
    return erased


def delete_replaced_backups(instance: Path, now: datetime) -> None:
    """Delete the backups of replaced databases after KEEP_REPLACED."""
    for file in instance.glob(REPLACED_BACKUPS):
        if file.stat().st_mtime < (now - KEEP_REPLACED).timestamp():
            file.unlink()


def spam_digest_cleanup_job() -> Job:
    """Delete, every hour, the digests that the spam filter keeps for a day."""
    return Job("spam-digests", every(timedelta(hours=1)), clear_spam_digests)


def retention_job(
    database: Database,
    zone: ZoneInfo,
    periods: RetentionPeriods,
    instance: Path,
    announcer: Announcer,
) -> Job:
    """Delete expired content every night, unless the clock may be wrong.

    The first run of a new site only records its time, with which later ones are compared.
    """
    is_time = daily(RUN_AT, zone)

    def is_due(last: datetime | None, now: datetime) -> bool:
        return is_time(last, now) and not needs_confirmation(last, now)

    def delete_content(now: datetime) -> None:
        erased = delete_expired(database, periods, now, announcer)
        log.info("content deleted of inquiries: %d", erased)
        delete_replaced_backups(instance, now)

    def run(_session: Session, now: datetime) -> AfterCommit:
        return partial(delete_content, now)

    return Job(JOB_NAME, is_due, run, run_immediately=False)


def _erase_batch(
    database: Database,
    ids: list[UUID],
    periods: RetentionPeriods,
    now: datetime,
    announcer: Announcer,
) -> int:
    """Erase those of ``ids`` that are still expired: an email may have been requeued since."""
    with database.session() as session:
        references = session.scalars(sa.select(Inquiry.reference).where(Inquiry.id.in_(ids))).all()
        # Locked before the second check, so that nothing is requeued in between.
        messages = admin.lock_messages(session, references)
        query = sa.select(Inquiry).where(Inquiry.id.in_(ids), _is_expired(periods, now))
        expired = {
            inquiry.reference: inquiry for inquiry in session.scalars(query.with_for_update())
        }
        message_ids = [message.id for message in messages if message.reference in expired]
        for message_id in message_ids:
            admin.cancel(session, message_id, now)  # a notification or webhook that still waits
        erase_rows(session, [inquiry.id for inquiry in expired.values()], message_ids, now)
        received = (name for name in expired if expired[name].state == InquiryState.RECEIVED)
        announcer.erased(session, received, now)
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
        now - timedelta(days=periods.quarantine_days) > QUARANTINED_SINCE,
    )
    return sa.or_(delivered, quarantined)


def _has_unfinished_message() -> sa.ColumnElement[bool]:
    waits = OutboxMessage.state.not_in((State.DELIVERED, State.CANCELLED))
    keeps = sa.or_(sa.and_(IS_ABOUT_INQUIRY, waits), OutboxMessage.state == State.SENDING)
    return sa.exists().where(OutboxMessage.reference == Inquiry.reference, keeps)


def _last_message_end() -> sa.ColumnElement[datetime]:
    """When an inquiry's last email was delivered or cancelled; NULL if it has none."""
    cancelled_at = (
        sa.select(sa.func.max(DeliveryAttempt.ended_at))
        .where(DeliveryAttempt.outbox_message_id == OutboxMessage.id)
        .where(DeliveryAttempt.outcome == Outcome.CANCELLED)
        .scalar_subquery()
    )
    end = sa.func.coalesce(OutboxMessage.delivered_at, cancelled_at, OutboxMessage.queued_at)
    return (
        sa.select(sa.func.max(end))
        .where(OutboxMessage.reference == Inquiry.reference, IS_ABOUT_INQUIRY)
        .scalar_subquery()
    )
