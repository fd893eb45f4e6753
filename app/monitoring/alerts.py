"""Alerts by webhook, because email may be what is broken.

What has been reported is stored in the database, so that several mailers report a problem
once: at once when it begins or gets worse, again every four hours while it lasts, and once
more when it is over. A failed call is retried at the next check.
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

CHECK_INTERVAL = timedelta(seconds=5)
REPEAT_INTERVAL = timedelta(hours=4)
INCREASE_INTERVAL = timedelta(minutes=1)  # many messages that fail in a row are one report
RESOLVE_DELAY = timedelta(minutes=2)  # a problem that comes and goes is one problem
PING_INTERVAL = timedelta(minutes=1)
LEASE = timedelta(seconds=60)  # for the mailer that is sending a report; the others wait

RESOLVED_TITLES = {
    "dead": "All undelivered messages are resolved",
    "mail_transport": "The mail server accepts our email again",
    "waiting": "No email has been waiting for long",
    "mailer": "A mailer is running again",
    "downtime": "A mailer has been running for an hour",
    "quarantine": "No quarantined inquiry has waited for more than a day",
    "paused": "The outbox is no longer paused",
}


class Alert(Base):
    """An active problem and what was reported about it. Deleted when its end has been reported."""

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
    """One report: a problem or, when ``problem`` is None, the end of one."""

    event: str
    problem: Problem | None
    since: datetime
    at: datetime

    def body(self, clinic: str, site: str) -> dict[str, object]:
        """The JSON body: ``text`` for Slack-style receivers, the other keys for programs."""
        severity = self.problem.severity.label if self.problem else "ok"
        title = self.problem.title if self.problem else RESOLVED_TITLES.get(self.event, "Resolved")
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


Post = Callable[[Mapping[str, object]], bool]


def alert_job(database: Database, post: Post, *, clinic: str, site: str) -> Job:
    """Look for problems every few seconds. ``post`` sends one report and returns whether it
    was accepted.
    """

    def run(session: Session, now: datetime) -> AfterCommit | None:
        notifications = claim_notifications(session, now)
        if not notifications:
            return None
        return partial(_post_all, database, post, notifications, clinic, site)

    return Job("alerts", every(CHECK_INTERVAL), run)


def ping_job(ping: Callable[[], object]) -> Job:
    """Call ``ping`` each minute unless there is a problem of severity ``PAGE``.

    The monitor that expects the pings raises the alarm when they stop, also when the machine
    or the database is down.
    """

    def run(session: Session, now: datetime) -> AfterCommit | None:
        problems = find_problems(outbox_stats(session, now), quarantine_stats(session, now))
        return None if worst(problems) is Severity.PAGE else ping

    return Job("ping", every(PING_INTERVAL), run)


def claim_notifications(session: Session, now: datetime) -> list[Notification]:
    """What to report now. For the time of LEASE no other mailer gets the same."""
    found = find_problems(outbox_stats(session, now), quarantine_stats(session, now))
    problems = {problem.event: problem for problem in found}
    alerts = {alert.event: alert for alert in session.scalars(sa.select(Alert))}
    for event in problems.keys() - alerts.keys():
        alerts[event] = Alert(event=event, since=now, notified_severity=0, notified_count=0)
        session.add(alerts[event])
    notifications = []
    for event, alert in alerts.items():
        problem = problems.get(event)
        due = _is_due(alert, problem, now) if problem else _is_resolved(session, alert, now)
        if due and not _is_leased(alert, now):
            alert.lease_until = now + LEASE
            notifications.append(Notification(event, problem, alert.since, now))
    return notifications


def _is_due(alert: Alert, problem: Problem, now: datetime) -> bool:
    alert.resolved_at = None
    # A problem that got better and then worse again is reported again.
    alert.notified_severity = min(alert.notified_severity, problem.severity)
    alert.notified_count = min(alert.notified_count, problem.count)
    if alert.notified_at is None or problem.severity > alert.notified_severity:
        return True
    if alert.notified_at > now:  # the clock was set back
        return True
    increased = problem.count > alert.notified_count
    return now - alert.notified_at >= (INCREASE_INTERVAL if increased else REPEAT_INTERVAL)


def _is_resolved(session: Session, alert: Alert, now: datetime) -> bool:
    if alert.notified_at is None:  # never reported, so its end is not reported either
        session.delete(alert)
        return False
    alert.resolved_at = min(alert.resolved_at or now, now)  # later: the clock was set back
    return now - alert.resolved_at >= RESOLVE_DELAY


def _is_leased(alert: Alert, now: datetime) -> bool:
    until = alert.lease_until
    return until is not None and now < until <= now + LEASE  # later: the clock was set back


def _post_all(
    database: Database, post: Post, notifications: list[Notification], clinic: str, site: str
) -> None:
    """Send ``notifications`` outside any transaction, and record which were accepted."""
    accepted = True
    for notification in notifications:
        # After a failure the others wait for the next check: a job must be short.
        accepted = accepted and post(notification.body(clinic, site))
        with database.session() as session:
            _record(session, notification, accepted=accepted)


def _record(session: Session, notification: Notification, *, accepted: bool) -> None:
    alert = session.get(Alert, notification.event)
    if alert is None:
        return
    alert.lease_until = None
    if accepted and notification.problem is None:
        session.delete(alert)
    elif accepted and notification.problem:
        alert.notified_at = notification.at
        alert.notified_severity = notification.problem.severity
        alert.notified_count = notification.problem.count
