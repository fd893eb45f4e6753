"""The daily digest: an email to the front desk with the numbers of the day. It is sent even
when they are all zero, so that a missing digest means a problem. It contains references and
spam reasons, never what a visitor wrote.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clinic import Clinic, Digest
from app.clock import age
from app.contact.emails import email_templates
from app.contact.models import IS_QUARANTINED, Inquiry
from app.contact.queries import quarantine_stats
from app.database import Database
from app.monitoring.health_rules import format_duration
from app.outbox.models import MailerDowntime, OutboxMessage, OutgoingEmail, State
from app.outbox.queue import enqueue
from app.outbox.stats import OutboxStats, outbox_stats
from app.scheduler import Job, daily

MAX_UNDELIVERED = 50
MAX_QUARANTINED = 500
NAME = "digest"
REFERENCE_PREFIX = "digest-"


@dataclass(frozen=True)
class QuarantinedInquiry:
    """A quarantined inquiry, and when it is erased unless it is released."""

    reference: str
    reason: str
    waited: str
    erased_at: datetime


@dataclass(frozen=True)
class DigestData:
    """What happened between ``since`` and ``until``, and the state of the outbox at the end.

    ``undelivered`` are the references of dead messages, at most MAX_UNDELIVERED.
    ``quarantined`` are the newest MAX_QUARANTINED quarantined inquiries, the oldest of them
    first; ``quarantined_count`` is the number of all. ``downtimes`` are the periods (start, end)
    without a mailer.
    """

    since: datetime
    until: datetime
    received: int
    delivered: int
    quarantined_count: int
    quarantined: tuple[QuarantinedInquiry, ...]
    undelivered: tuple[str, ...]
    outbox: OutboxStats
    downtimes: tuple[tuple[datetime, datetime], ...] = ()


def digest_job(
    database: Database, clinic: Clinic, digest: Digest, *, site: str, quarantine_days: int
) -> Job:
    """Put the digest into the outbox once a day, in the transaction that claims the job."""

    def run(session: Session, now: datetime) -> None:
        day = collect_digest(session, now, quarantine_days)
        emails = build_digest_emails(day, clinic, digest.mailboxes, site=site)
        domain = clinic.email_domain
        for email in emails:
            enqueue(session, database.keys, email, domain=domain, now=now)

    return Job(NAME, daily(digest.at, clinic.zone), run, run_immediately=False)


def collect_digest(session: Session, now: datetime, quarantine_days: int) -> DigestData:
    """The numbers since the last digest, or of 24 hours before the first one."""
    since = _last_digest(session) or now - timedelta(hours=24)
    new = Inquiry.created_at > since
    count = sa.func.count()
    delivered = (
        OutboxMessage.delivered_at > since,
        ~_is_digest(),
        ~OutboxMessage.is_acknowledgement,
    )
    return DigestData(
        since=since,
        until=now,
        received=session.scalar(sa.select(count).select_from(Inquiry).where(new)) or 0,
        delivered=session.scalar(sa.select(count).select_from(OutboxMessage).where(*delivered))
        or 0,
        quarantined_count=quarantine_stats(session, now).count,
        quarantined=_quarantined(session, now, timedelta(days=quarantine_days)),
        undelivered=tuple(
            session.scalars(
                sa.select(OutboxMessage.reference)
                .where(OutboxMessage.state == State.DEAD)
                .group_by(OutboxMessage.reference)
                .order_by(sa.func.max(OutboxMessage.queued_at).desc())
                .limit(MAX_UNDELIVERED)
            )
        ),
        outbox=outbox_stats(session, now),
        downtimes=_downtimes(session, since),
    )


def _downtimes(session: Session, since: datetime) -> tuple[tuple[datetime, datetime], ...]:
    ended = sa.select(MailerDowntime).where(MailerDowntime.ended_at > since)
    rows = session.scalars(ended.order_by(MailerDowntime.started_at))
    return tuple((row.started_at, row.ended_at) for row in rows)


def _quarantined(
    session: Session, now: datetime, retention: timedelta
) -> tuple[QuarantinedInquiry, ...]:
    query = sa.select(Inquiry.reference, Inquiry.quarantine_reasons, Inquiry.created_at).where(
        IS_QUARANTINED
    )
    # The newest, so that each is listed at least once.
    newest = session.execute(query.order_by(Inquiry.created_at.desc()).limit(MAX_QUARANTINED))
    return tuple(
        QuarantinedInquiry(
            reference,
            reason or "",
            format_duration(age(created_at, now)),
            erased_at=created_at + retention,
        )
        for reference, reason, created_at in reversed(newest.all())
    )


def build_digest_emails(
    day: DigestData, clinic: Clinic, mailboxes: Iterable[str], *, site: str
) -> list[OutgoingEmail]:
    """The digest as one email for each mailbox."""
    date = day.until.astimezone(clinic.zone).date()
    values = {
        "day": day,
        "clinic": clinic,
        "site": site,
        "date": date,
        "since": day.since.astimezone(clinic.zone),
        "oldest": format_duration(day.outbox.oldest_pending) if day.outbox.oldest_pending else "",
        "mail_server": _transport_status(day.outbox, clinic),
        "downtimes": [
            tuple(f"{moment.astimezone(clinic.zone):%A, %-I:%M %p}" for moment in downtime)
            for downtime in day.downtimes
        ],
    }
    inquiries = "1 inquiry" if day.received == 1 else f"{day.received} inquiries"
    subject = (
        f"Daily digest: {inquiries}, {day.outbox.pending} waiting, {day.outbox.dead} undelivered"
    )
    text = email_templates().get_template("digest.txt").render(values)
    html = email_templates().get_template("digest.html").render(values)
    return [
        OutgoingEmail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=subject,
            text=text,
            html=html,
            reference=f"{REFERENCE_PREFIX}{date}",
        )
        for mailbox in mailboxes
    ]


def _last_digest(session: Session) -> datetime | None:
    return session.scalar(sa.select(sa.func.max(OutboxMessage.created_at)).where(_is_digest()))


def _is_digest() -> sa.ColumnElement[bool]:
    return OutboxMessage.reference.startswith(REFERENCE_PREFIX)


def _transport_status(outbox: OutboxStats, clinic: Clinic) -> str:
    if outbox.transport_unavailable_since is None:
        return "no problem known"
    since = outbox.transport_unavailable_since.astimezone(clinic.zone)
    return f"unavailable since {since:%A, %-I:%M %p} (fault: {outbox.transport_fault})"
