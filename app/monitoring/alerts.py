"""Trouble told by webhook, because mail may be what is broken.

What was told stands in the database, so that several mailers tell one thing once: at
once when it begins or gets worse, again every four hours while it lasts, and once more
when it is over. A webhook that does not answer is tried again at the next look.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.contact.queries import quarantine_stats
from app.database import Base, Database, UTCDateTime
from app.monitoring.health_rules import Severity, Trouble, judge
from app.outbox.stats import look_over
from app.scheduler import Afterwards, Chore, every

LOOK = timedelta(seconds=5)
AGAIN = timedelta(hours=4)
BREATH = timedelta(minutes=1)  # many mails that die in a row are told together
QUIET = timedelta(minutes=2)  # what comes and goes is told as one trouble
LEASE = timedelta(seconds=60)  # for the mailer that is telling; others keep still

OVER = {
    "dead": "No undelivered mail is left",
    "relay": "The mail server is no longer refusing",
    "waiting": "No mail is waiting any more",
    "mailer": "A mailer is at work again",
    "downtime": "A mailer has been running for an hour",
    "held": "No held inquiry has waited for more than a day",
    "hold": "The outbox is no longer on hold",
}


class Alert(Base):
    """One trouble: since when, and what was told of it. Gone once its end was told."""

    __tablename__ = "alert"

    event: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    notified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    notified_severity: Mapped[int] = mapped_column(default=0)
    notified_count: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class Notice:
    """One thing to tell: a trouble that lasts, or (``trouble`` is None) the end of one."""

    event: str
    trouble: Trouble | None
    since: datetime
    at: datetime

    def body(self, clinic: str, site: str) -> dict[str, object]:
        """As JSON: ``text`` for Slack-style receivers, the rest for plain ones."""
        severity = self.trouble.severity.word if self.trouble else "ok"
        title = self.trouble.title if self.trouble else OVER.get(self.event, "It is over")
        advice = f" What to do: {self.trouble.advice}." if self.trouble else ""
        return {
            "text": f"[{severity}] {clinic}: {title}.{advice} ({site})",
            "event": self.event,
            "status": "firing" if self.trouble else "resolved",
            "severity": severity,
            "title": title,
            "clinic": clinic,
            "site": site,
            "since": self.since.isoformat(timespec="seconds"),
            "at": self.at.isoformat(timespec="seconds"),
        }


Tell = Callable[[Mapping[str, object]], bool]


def alert_chore(database: Database, tell: Tell, *, clinic: str, site: str) -> Chore:
    """Look for trouble every few seconds and ``tell`` what is news: its JSON goes in,
    whether it was taken comes out.
    """

    def do(session: Session, now: datetime) -> Afterwards | None:
        notices = take_news(session, now)
        return partial(_tell_all, database, tell, notices, clinic, site) if notices else None

    return Chore("alerts", every(LOOK), do)


def take_news(session: Session, now: datetime) -> list[Notice]:
    """What should be told now; for a while nobody else is given the same."""
    troubles = {
        one.event: one for one in judge(look_over(session, now), quarantine_stats(session, now))
    }
    alerts = {one.event: one for one in session.scalars(sa.select(Alert))}
    for event in troubles.keys() - alerts.keys():
        alerts[event] = Alert(event=event, since=now, notified_severity=0, notified_count=0)
        session.add(alerts[event])
    notices = []
    for event, alert in alerts.items():
        trouble = troubles.get(event)
        news = _is_worth_telling(alert, trouble, now) if trouble else _is_over(session, alert, now)
        if news and not _is_being_told(alert, now):
            alert.lease_until = now + LEASE
            notices.append(Notice(event, trouble, alert.since, now))
    return notices


def _is_worth_telling(alert: Alert, trouble: Trouble, now: datetime) -> bool:
    alert.resolved_at = None
    # What has become better since may become worse again, and is told then.
    alert.notified_severity = min(alert.notified_severity, trouble.severity)
    alert.notified_count = min(alert.notified_count, trouble.count)
    if alert.notified_at is None or trouble.severity > alert.notified_severity:
        return True
    pause = BREATH if trouble.count > alert.notified_count else AGAIN
    return now - alert.notified_at >= pause


def _is_over(session: Session, alert: Alert, now: datetime) -> bool:
    if alert.notified_at is None:  # nobody heard of it: nothing to take back
        session.delete(alert)
        return False
    alert.resolved_at = alert.resolved_at or now
    return now - alert.resolved_at >= QUIET


def _is_being_told(alert: Alert, now: datetime) -> bool:
    until = alert.lease_until
    return until is not None and now < until <= now + LEASE  # later ones: the clock was set back


def _tell_all(
    database: Database, tell: Tell, notices: list[Notice], clinic: str, site: str
) -> None:
    """Tell ``notices`` outside any transaction, and write down which were taken."""
    taken = True
    for notice in notices:
        # After a failure the others wait for the next look too: a chore must be short.
        taken = taken and tell(notice.body(clinic, site))
        with database.session() as session:
            _settle(session, notice, taken=taken)


def _settle(session: Session, notice: Notice, *, taken: bool) -> None:
    alert = session.get(Alert, notice.event)
    if alert is None:
        return
    alert.lease_until = None
    if taken and notice.trouble is None:
        session.delete(alert)
    elif taken and notice.trouble:
        alert.notified_at = notice.at
        alert.notified_severity = Severity(notice.trouble.severity)
        alert.notified_count = notice.trouble.count
