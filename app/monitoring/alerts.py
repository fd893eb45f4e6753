"""Alerts by other ways than email, because email may be what is broken.

What has been reported is stored in the database, so that several mailers report a problem
once: at once when it begins or gets worse, again every four hours while it lasts, and once
more when it is over. A failed call is retried at the next check.

While the database cannot be used, each mailer reports that by itself (``DatabaseAlert``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import clock
from app.database import Base, Database, UTCDateTime
from app.monitoring.alert_addresses import Report
from app.monitoring.health_rules import DATABASE_DOWN, Problem, Severity, site_health
from app.scheduler import AfterCommit, Job, every

CHECK_INTERVAL = timedelta(seconds=5)
REPEAT_INTERVAL = timedelta(hours=4)
INCREASE_INTERVAL = timedelta(minutes=1)  # many messages that fail in a row are one report
RESOLVE_DELAY = timedelta(minutes=2)  # a problem that comes and goes is one problem
DATABASE_DELAY = timedelta(seconds=20)  # a shorter outage is not reported
PING_INTERVAL = timedelta(seconds=50)  # two that fail are reported within two minutes
WEBSITE_INTERVAL = timedelta(seconds=30)
CLAIM_TIMEOUT = timedelta(seconds=60)  # while a mailer sends a report, the others wait

RESOLVED_TITLES = {
    "undelivered": "All undelivered messages are resolved",
    "mail_transport": "The mail server accepts our email again",
    "delivery_delayed": "No email has been waiting for long",
    "receiver_delayed": "No notification or webhook has been waiting for long",
    "mailer_down": "A mailer is running again",
    "mailer_was_down": "A mailer has been running for an hour",
    "quarantine": "No quarantined inquiry has waited for more than a day",
    "paused": "The outbox is no longer paused",
    "retention_stopped": "Retention runs again",
    "backup": "Backups are made again",
    "website_down": "The website is ready for inquiries again",
    "inquiries_refused": "No inquiry has been refused for 15 minutes",
    "database_down": "The database can be used again",
    "certificate_ends": "The certificate has been renewed",
    "alerts_fail": "Alerts are accepted again",
    "ping_fails": "The ping is accepted again",
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
    claimed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class Notification:
    """One report: a problem or, when ``problem`` is None, the end of one."""

    event: str
    problem: Problem | None
    since: datetime
    at: datetime

    def report(self, clinic: str, site: str) -> Report:
        since, at = (f"{moment:%Y-%m-%d %H:%M}" for moment in (self.since, self.at))
        if self.problem is None:
            title = RESOLVED_TITLES.get(self.event, "Resolved")
            text = f"{self.event}, from {since} to {at} UTC\n{site}"
            return Report("ok", f"[ok] {clinic}: {title}", text)
        severity = self.problem.severity.label
        advice = f"What to do: {self.problem.advice}."
        text = f"{advice}\n{self.event}, since {since} UTC\n{site}"
        return Report(severity, f"[{severity}] {clinic}: {self.problem.title}", text)


SendReport = Callable[[Report], bool]
Send = Callable[[Notification], bool]


def alert_job(database: Database, send_report: SendReport, *, clinic: str, site: str) -> Job:
    """Look for problems every few seconds. ``send_report`` returns whether it was accepted."""

    def send(notification: Notification) -> bool:
        return send_report(notification.report(clinic, site))

    def run(session: Session, now: datetime) -> AfterCommit | None:
        notifications = claim_notifications(session, now)
        return partial(_send_all, database, send, notifications) if notifications else None

    on_result = DatabaseAlert(send).update
    return Job("alerts", every(CHECK_INTERVAL), run, on_result=on_result)


def uptime_ping_job(ping: Callable[[], object]) -> Job:
    """Call ``ping`` every 50 seconds unless there is a critical problem.

    The monitor that expects the pings raises the alarm when they stop, also when the machine
    or the database is down.
    """

    def run(session: Session, now: datetime) -> AfterCommit | None:
        return None if site_health(session, now).severity is Severity.CRITICAL else ping

    return Job("uptime-ping", every(PING_INTERVAL), run)


def website_job(ask: Callable[[], object]) -> Job:
    """Call ``ask``, which asks the website whether it is ready, for ``site_health``."""
    return Job("website", every(WEBSITE_INTERVAL), lambda _session, _now: ask)


class DatabaseAlert:
    """The alert that the database cannot be used: it cannot be stored there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._since: datetime | None = None
        self._reported = False

    def update(self, works: bool) -> None:  # noqa: FBT001
        """Report the problem once it has lasted for DATABASE_DELAY, and then its end."""
        now = clock.now()
        self._since = None if works else self._since or now
        is_down = self._since is not None and every(DATABASE_DELAY)(self._since, now)
        if is_down != self._reported:
            problem = DATABASE_DOWN if is_down else None
            notification = Notification(DATABASE_DOWN.event, problem, self._since or now, now)
            self._reported = is_down if self._send(notification) else self._reported


def claim_notifications(session: Session, now: datetime) -> list[Notification]:
    """What to report now. Until CLAIM_TIMEOUT no other mailer gets the same."""
    problems = {problem.event: problem for problem in site_health(session, now).problems}
    alerts = {alert.event: alert for alert in session.scalars(sa.select(Alert))}
    for event in problems.keys() - alerts.keys():
        alerts[event] = Alert(event=event, since=now, notified_severity=0, notified_count=0)
        session.add(alerts[event])
    notifications = []
    for event, alert in alerts.items():
        if problem := problems.get(event):
            is_due = _update_ongoing(alert, problem, now)
        else:
            is_due = _update_resolved(session, alert, now)
        if is_due and every(CLAIM_TIMEOUT)(alert.claimed_at, now):
            alert.claimed_at = now
            notifications.append(Notification(event, problem, alert.since, now))
    return notifications


def _update_ongoing(alert: Alert, problem: Problem, now: datetime) -> bool:
    """Update ``alert`` by its problem. Returns whether to report the problem now."""
    alert.resolved_at = None
    # A problem that got better and then worse again is reported again.
    alert.notified_severity = min(alert.notified_severity, problem.severity)
    alert.notified_count = min(alert.notified_count, problem.count)
    increased = problem.count > alert.notified_count
    is_due = every(INCREASE_INTERVAL if increased else REPEAT_INTERVAL)
    return problem.severity > alert.notified_severity or is_due(alert.notified_at, now)


def _update_resolved(session: Session, alert: Alert, now: datetime) -> bool:
    """Update ``alert``, whose problem is over. Returns whether to report that now."""
    if alert.notified_at is None:  # never reported, so its end is not reported either
        session.delete(alert)
        return False
    alert.resolved_at = alert.resolved_at or now
    return every(RESOLVE_DELAY)(alert.resolved_at, now)


def _send_all(database: Database, send: Send, notifications: list[Notification]) -> None:
    """Send ``notifications`` outside any transaction, and record which were accepted."""
    accepted = True
    for notification in notifications:
        # After a failure the others wait for the next check: a job must be short.
        accepted = accepted and send(notification)
        with database.session() as session:
            _record(session, notification, accepted=accepted)


def _record(session: Session, notification: Notification, *, accepted: bool) -> None:
    alert = session.get(Alert, notification.event)
    if alert is None:
        return
    alert.claimed_at = None
    if not accepted:
        return
    if problem := notification.problem:
        alert.notified_at = notification.at
        alert.notified_severity, alert.notified_count = problem.severity, problem.count
    else:
        session.delete(alert)
