"""The daily digest: an email to the front desk with the numbers of the day. It is sent even
when they are all zero, so that a missing digest means a problem. It contains references and
spam reasons, never what a visitor wrote.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.clinic import Clinic, Digest
from app.contact.emails import email_templates
from app.contact.models import IS_TO_REVIEW, IS_UNANSWERED, Inquiry
from app.database import Database
from app.monitoring.health_rules import format_duration, site_health
from app.outbox.models import IS_DEAD, MailerDowntime, OutboxMessage, OutgoingEmail
from app.outbox.queue import enqueue
from app.scheduler import Job, daily

MAX_UNANSWERED = 50
MAX_UNDELIVERED = 50
MAX_QUARANTINED = 500
NAME = "digest"
REFERENCE_PREFIX = "digest-"
IS_DIGEST = OutboxMessage.reference.startswith(REFERENCE_PREFIX)


def digest_job(  # noqa: PLR0913  (what the text needs)
    database: Database,
    clinic: Clinic,
    digest: Digest,
    *,
    site: str,
    console: str,
    quarantine_days: int,
    mail_warning: str = "",
) -> Job:
    """Put the digest into the outbox once a day, in the transaction that claims the job.

    ``console`` is the address of the staff console, or empty. ``mail_warning`` is what will soon
    keep email from being sent.
    """

    def run(session: Session, now: datetime) -> None:
        values = digest_values(session, now) | {
            "clinic": clinic,
            "site": site,
            "console": console,
            "quarantine_period": timedelta(days=quarantine_days),
            "mail_warning": mail_warning,
        }
        for email in digest_emails(values, clinic, digest.mailboxes):
            enqueue(session, database.keys, email, domain=clinic.email_domain, now=now)

    return Job(NAME, daily(digest.at, clinic.zone), run, run_immediately=False)


def digest_values(session: Session, now: datetime) -> dict[str, Any]:
    """The numbers since the last digest, or of 24 hours before the first one, and the state of
    the site now. Lists are limited, but the counts are not.
    """
    # Rows from the future were written while the clock was wrong.
    query = sa.select(sa.func.max(OutboxMessage.created_at)).where(IS_DIGEST)
    last_digest = session.scalar(query.where(OutboxMessage.created_at <= now))
    since = last_digest or now - timedelta(hours=24)

    def in_period(column: InstrumentedAttribute[Any]) -> sa.ColumnElement[bool]:
        return (column > since) & (column <= now)

    delivered = in_period(OutboxMessage.delivered_at), ~OutboxMessage.is_acknowledgement, ~IS_DIGEST
    return {
        "since": since,
        "now": now,
        "received": _count(session, in_period(Inquiry.created_at)),
        "delivered": _count(session, *delivered),
        "health": site_health(session, now),
        "unanswered": _unanswered(session),
        "quarantined": _quarantined(session),
        "undelivered": _undelivered_references(session),
        "downtimes": session.scalars(
            sa.select(MailerDowntime)
            .where(in_period(MailerDowntime.ended_at))
            .order_by(MailerDowntime.started_at)
        ).all(),
    }


def _quarantined(session: Session) -> list[Any]:
    """The newest inquiries to review, oldest first. The limit never hides a new one."""
    columns = Inquiry.reference, Inquiry.quarantine_reasons, Inquiry.created_at
    query = sa.select(*columns).where(IS_TO_REVIEW).order_by(Inquiry.created_at.desc())
    return list(reversed(session.execute(query.limit(MAX_QUARANTINED)).all()))


def _unanswered(session: Session) -> Sequence[Any]:
    """The inquiries that have waited longest for an answer."""
    query = sa.select(Inquiry.reference, Inquiry.created_at).where(IS_UNANSWERED)
    return session.execute(query.order_by(Inquiry.created_at).limit(MAX_UNANSWERED)).all()


def _undelivered_references(session: Session) -> Sequence[str]:
    query = sa.select(OutboxMessage.reference).where(IS_DEAD).group_by(OutboxMessage.reference)
    newest_first = query.order_by(sa.func.max(OutboxMessage.queued_at).desc())
    return session.scalars(newest_first.limit(MAX_UNDELIVERED)).all()


def _count(session: Session, *conditions: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).where(*conditions)) or 0


def digest_emails(
    values: dict[str, Any], clinic: Clinic, mailboxes: Iterable[str]
) -> list[OutgoingEmail]:
    """The digest as one email for each mailbox."""

    def local_time(moment: datetime) -> str:
        return f"{moment.astimezone(clinic.zone):%A, %B %-d, %-I:%M %p}"

    date = values["now"].astimezone(clinic.zone).date()
    formats = {"date": date, "local_time": local_time, "format_duration": format_duration}
    received, outbox = values["received"], values["health"].outbox
    messages = "1 message" if received == 1 else f"{received} messages"
    subject = f"Daily summary: {messages}, {outbox.pending} waiting to send, {outbox.dead} failed"
    return [
        OutgoingEmail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=subject,
            text=email_templates().get_template("digest.txt").render(values, **formats),
            html=email_templates().get_template("digest.html").render(values, **formats),
            reference=f"{REFERENCE_PREFIX}{date}",
        )
        for mailbox in mailboxes
    ]
