"""The daily mail of numbers to the front desk. It comes when all are zero too, so that
its absence means something. References and reasons, never what a visitor wrote.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clinic import Clinic, Digest
from app.contact.inquiry import Inquiry, InquiryState
from app.contact.notification import email_templates
from app.db import Database
from app.ops.chores import Chore, daily
from app.ops.status import in_words
from app.outbox.message import OutboxMessage, OutgoingMail, State
from app.outbox.overview import Overview, look_over
from app.outbox.queue import enqueue

MOST_LISTED = 50
NAME = "digest"
ABOUT = "digest-"


@dataclass(frozen=True)
class Day:
    """What happened between ``since`` and ``until``, and how the outbox stands then.

    ``undelivered`` are references; ``held`` are references with the reason of each.
    Both are cut to MOST_LISTED, the counts are not.
    """

    since: datetime
    until: datetime
    received: int
    delivered: int
    held_count: int
    held: tuple[tuple[str, str], ...]
    undelivered: tuple[str, ...]
    outbox: Overview


def digest_chore(database: Database, clinic: Clinic, digest: Digest, *, site: str) -> Chore:
    """Put the digest into the outbox once a day, in the transaction that takes the turn."""

    def do(session: Session, now: datetime) -> None:
        mails = digest_mails(count_day(session, now), clinic, digest.mailboxes, site=site)
        domain = clinic.email.rpartition("@")[2]
        for mail in mails:
            enqueue(session, database.keys, mail, domain=domain, now=now)

    return Chore(NAME, daily(digest.at, clinic.zone), do, at_first=False)


def count_day(session: Session, now: datetime) -> Day:
    """The numbers since the last digest, or of 24 hours before the first one."""
    since = _last_digest(session) or now - timedelta(hours=24)
    new = Inquiry.created_at > since
    held = (new, Inquiry.state == InquiryState.HELD)
    count = sa.func.count()
    delivered = (OutboxMessage.delivered_at > since, ~_is_digest(), ~OutboxMessage.courtesy)
    newest = sa.select(Inquiry.reference, Inquiry.held_because).order_by(Inquiry.created_at.desc())
    return Day(
        since=since,
        until=now,
        received=session.scalar(sa.select(count).select_from(Inquiry).where(new)) or 0,
        delivered=session.scalar(sa.select(count).select_from(OutboxMessage).where(*delivered))
        or 0,
        held_count=session.scalar(sa.select(count).select_from(Inquiry).where(*held)) or 0,
        held=tuple(
            (reference, reason or "")
            for reference, reason in session.execute(newest.where(*held).limit(MOST_LISTED))
        ),
        undelivered=tuple(
            session.scalars(
                sa.select(OutboxMessage.about)
                .where(OutboxMessage.state == State.DEAD)
                .group_by(OutboxMessage.about)
                .order_by(sa.func.max(OutboxMessage.queued_at).desc())
                .limit(MOST_LISTED)
            )
        ),
        outbox=look_over(session, now),
    )


def digest_mails(
    day: Day, clinic: Clinic, mailboxes: Iterable[str], *, site: str
) -> list[OutgoingMail]:
    """The digest of ``day``, one mail for each mailbox. Pure."""
    date = day.until.astimezone(clinic.zone).date()
    values = {
        "day": day,
        "clinic": clinic,
        "site": site,
        "date": date,
        "since": day.since.astimezone(clinic.zone),
        "oldest": in_words(day.outbox.oldest_pending) if day.outbox.oldest_pending else "",
        "relay": _relay_in_words(day.outbox, clinic),
    }
    inquiries = "1 inquiry" if day.received == 1 else f"{day.received} inquiries"
    subject = (
        f"Daily digest: {inquiries}, {day.outbox.pending} waiting, {day.outbox.dead} undelivered"
    )
    text = email_templates().get_template("digest.txt").render(values)
    html = email_templates().get_template("digest.html").render(values)
    return [
        OutgoingMail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=subject,
            text=text,
            html=html,
            about=f"{ABOUT}{date}",
        )
        for mailbox in mailboxes
    ]


def _last_digest(session: Session) -> datetime | None:
    return session.scalar(sa.select(sa.func.max(OutboxMessage.created_at)).where(_is_digest()))


def _is_digest() -> sa.ColumnElement[bool]:
    return OutboxMessage.about.startswith(ABOUT)


def _relay_in_words(outbox: Overview, clinic: Clinic) -> str:
    if outbox.relay_down_since is None:
        return "no fault seen"
    since = outbox.relay_down_since.astimezone(clinic.zone)
    return f"takes no mail since {since:%A, %-I:%M %p} (fault: {outbox.relay_fault})"
