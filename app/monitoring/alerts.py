"""Problems reported by webhook, because mail may be what is broken.

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
from app.monitoring.health_rules import Problem, Severity, find_problems, worst
from app.outbox.stats import outbox_stats
from app.scheduler import AfterCommit, Job, every

LOOK = timedelta(seconds=5)
AGAIN = timedelta(hours=4)
BREATH = timedelta(minutes=1)  # many mails that die in a row are told together
QUIET = timedelta(minutes=2)  # what comes and goes is told as one problem
PING_INTERVAL = timedelta(minutes=1)
LEASE = timedelta(seconds=60)  # for the mailer that is telling; others keep still

OVER = {
    "dead": "No undelivered mail is left",
    "mail_transport": "The mail server is no longer refusing",
    "waiting": "No mail is waiting any more",
    "mailer": "A mailer is at work again",
    "downtime": "A mailer has been running for an hour",
    "quarantine": "No held inquiry has waited for more than a day",
    "paused": "The outbox is no longer on hold",
}


class Alert(Base):
    """One problem: since when, and what was told of it. Gone once its end was told."""

    __tablename__ = "alert"

    event: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    notified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    notified_severity: Mapped[int] = mapped_column(default=0)
    notified_count: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class Notification:
    """One thing to tell: a problem that lasts, or (``problem`` is None) the end of one."""

    event: str
    problem: Problem | None
    since: datetime
    at: datetime

    def body(self, clinic: str, site: str) -> dict[str, object]:
        """As JSON: ``text`` for Slack-style receivers, the rest for plain ones."""
        severity = self.problem.severity.label if self.problem else "ok"
        title = self.problem.title if self.problem else OVER.get(self.event, "It is over")
        advice = f" What to do: {self.problem.advice}." if self.problem else ""
        return {
            "text": f"[{severity}] {clinic}: {title}.{advice} ({site})",
            "event": self.event,
            "status": "firing" if self.problem else "resolved",
            "severity": severity,
            "title": title,
            "clinic": clinic,
            "site": site,
            "since": self.since.isoformat(timespec="seconds"),
            "at": self.at.isoformat(timespec="seconds"),
        }


Tell = Callable[[Mapping[str, object]], bool]


def alert_job(database: Database, tell: Tell, *, clinic: str, site: str) -> Job:
    """Look for problem every few seconds and ``tell`` what is news: its JSON goes in,
    whether it was taken comes out.
    """

    def run(session: Session, now: datetime) -> AfterCommit | None:
        notices = claim_notifications(session, now)
        return partial(_tell_all, database, tell, notices, clinic, site) if notices else None

    return Job("alerts", every(LOOK), run)


def claim_notifications(session: Session, now: datetime) -> list[Notification]:
    """What should be told now; for a while nobody else is given the same."""
    problems = {
        one.event: one
        for one in find_problems(outbox_stats(session, now), quarantine_stats(session, now))
    }
    alerts = {one.event: one for one in session.scalars(sa.select(Alert))}
    for event in problems.keys() - alerts.keys():
        alerts[event] = Alert(event=event, since=now, notified_severity=0, notified_count=0)
        session.add(alerts[event])
    notices = []
    for event, alert in alerts.items():
        problem = problems.get(event)
        news = _is_worth_telling(alert, problem, now) if problem else _is_over(session, alert, now)
        if news and not _is_being_told(alert, now):
            alert.lease_until = now + LEASE
            notices.append(Notification(event, problem, alert.since, now))
    return notices


def _is_worth_telling(alert: Alert, problem: Problem, now: datetime) -> bool:
    alert.resolved_at = None
    # What has become better since may become worse again, and is told then.
    alert.notified_severity = min(alert.notified_severity, problem.severity)
    alert.notified_count = min(alert.notified_count, problem.count)
    if alert.notified_at is None or problem.severity > alert.notified_severity:
        return True
    pause = BREATH if problem.count > alert.notified_count else AGAIN
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
    database: Database, tell: Tell, notices: list[Notification], clinic: str, site: str
) -> None:
    """Tell ``notices`` outside any transaction, and write down which were taken."""
    taken = True
    for notice in notices:
        # After a failure the others wait for the next look too: a chore must be short.
        taken = taken and tell(notice.body(clinic, site))
        with database.session() as session:
            _settle(session, notice, taken=taken)


def _settle(session: Session, notice: Notification, *, taken: bool) -> None:
    alert = session.get(Alert, notice.event)
    if alert is None:
        return
    alert.lease_until = None
    if taken and notice.problem is None:
        session.delete(alert)
    elif taken and notice.problem:
        alert.notified_at = notice.at
        alert.notified_severity = Severity(notice.problem.severity)
        alert.notified_count = notice.problem.count


def ping_job(ping: Callable[[], object]) -> Job:
    """Call ``ping`` each minute unless a problem needs attention at once (``PAGE``).

    The receiver alerts when pings stop, so it also notices a machine or database that is down.
    """

    def call() -> None:
        ping()

    def run(session: Session, now: datetime) -> AfterCommit | None:
        problems = find_problems(outbox_stats(session, now), quarantine_stats(session, now))
        return None if worst(problems) is Severity.PAGE else call

    return Job("ping", every(PING_INTERVAL), run)
