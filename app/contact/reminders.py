"""Remind staff of inquiries that nobody has marked as answered.

When half of ``reply_within`` has passed, the mailboxes of the inquiry get a reminder, at its end
``escalate_to``. Only the time in which the clinic is open counts. Each is put into the outbox in
the transaction that records it in the inquiry's row, so exactly once, by whichever mailer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.clinic import Clinic
from app.clinic.business_hours import open_time, reply_times, with_usual_hours
from app.contact.emails import reminder_emails
from app.contact.models import IS_UNANSWERED, Inquiry
from app.contact.staff_links import StaffLinks
from app.database import Database
from app.notices.closures import with_closures
from app.notices.service import closures_since
from app.outbox.models import OutgoingEmail
from app.outbox.queue import enqueue

Mark = InstrumentedAttribute[datetime | None]
REMINDER, ESCALATION = Inquiry.reminded_at, Inquiry.escalated_at
CLOCK_JUMP = timedelta(days=1)  # a reminder recorded later than this from now had a wrong clock


@dataclass(frozen=True)
class Reminder:
    """A reminder that is due. ``mark`` is the column that records it."""

    inquiry: Inquiry
    mark: Mark
    waited: timedelta


def send_reminders(database: Database, clinic: Clinic, links: StaffLinks) -> None:
    """Put the reminders that are due into the outbox."""
    with database.read_session() as session:
        due = due_reminders(session, clinic, database.now(session))
    for reminder in due:
        emails = _emails(reminder, clinic, links)
        with database.session() as session:
            now = database.now(session)
            if _record(session, reminder, now):
                for email in emails:
                    enqueue(session, database.keys, email, domain=clinic.email_domain, now=now)


def due_reminders(session: Session, clinic: Clinic, now: datetime) -> list[Reminder]:
    """The reminders that are due and not recorded yet."""
    query = sa.select(Inquiry).where(IS_UNANSWERED, _is_missing(ESCALATION, now))
    waiting = sorted(session.scalars(query), key=lambda inquiry: inquiry.waiting_since)
    if not waiting:
        return []
    closures = closures_since(session, waiting[0].waiting_since)
    clinic = with_closures(with_usual_hours(clinic), closures)
    due = []
    for inquiry in waiting:
        times = reply_times(clinic, inquiry.waiting_since)
        if times and times[0] > now:
            break  # the others came later
        for mark, due_at in zip((REMINDER, ESCALATION), times or (), strict=False):
            recorded_at = getattr(inquiry, mark.key)
            if due_at <= now and (recorded_at is None or recorded_at > now + CLOCK_JUMP):
                waited = open_time(clinic, inquiry.waiting_since, now)
                due.append(Reminder(inquiry, mark, waited))
    return due


def _emails(reminder: Reminder, clinic: Clinic, links: StaffLinks) -> list[OutgoingEmail]:
    inquiry, is_escalation = reminder.inquiry, reminder.mark is ESCALATION
    mailboxes = clinic.mailboxes(inquiry.topic, inquiry.location)
    if is_escalation and clinic.escalate_to:
        mailboxes = (clinic.escalate_to,)
    return reminder_emails(
        inquiry.reference,
        clinic,
        mailboxes,
        waiting_since=inquiry.waiting_since,
        waited=reminder.waited,
        links=links,
        is_escalation=is_escalation,
    )


def _record(session: Session, reminder: Reminder, now: datetime) -> bool:
    """Record that the reminder is in the outbox. False if another mailer was first, or if the
    inquiry was answered or erased meanwhile.
    """
    query = (
        sa.update(Inquiry)
        .where(Inquiry.id == reminder.inquiry.id, IS_UNANSWERED, _is_missing(reminder.mark, now))
        .values({reminder.mark: now})
        .returning(Inquiry.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(query) is not None


def _is_missing(mark: Mark, now: datetime) -> sa.ColumnElement[bool]:
    """Whether a reminder is not recorded, or was by a clock that was wrong."""
    return sa.or_(mark.is_(None), mark > now + CLOCK_JUMP)
