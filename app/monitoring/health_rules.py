"""Which statistics are problems: the same rules for health checks, alerts, pings and the doctor.

The limits: an undelivered message, a refused login or a TLS error at once; waiting email after
15 minutes, more urgent after 60; a missing mailer after 90 seconds; a website that fails two
checks, 30 seconds apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.queries import WaitingStats, quarantine_stats, unanswered_stats
from app.maintenance.backup import backup_overdue_for
from app.maintenance.retention import unconfirmed_since
from app.monitoring.observations import ALERTS, PING, POSTS, WEBSITE, Observation
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from app.outbox.send_errors import TransportFault
from app.outbox.stats import OutboxStats, outbox_stats

DELAY_WARNING = timedelta(minutes=15)
DELAY_CRITICAL = timedelta(minutes=60)
WEBSITE_CRITICAL = timedelta(seconds=25)  # two checks: longer than a restart takes
CHANNEL_WARNING = timedelta(seconds=55)  # longer than PING_INTERVAL: one failed ping is no problem
CERTIFICATE_WARNING = timedelta(days=14)
RECENT = timedelta(minutes=15)  # older observations say nothing about now,
RECENT_CALL = timedelta(days=1)  # except those of channels that may not be called for hours
CHANNELS = {
    ALERTS: ("alerts_fail", "Alerts are not accepted"),
    PING: ("ping_fails", "The ping is not accepted"),
}
QUARANTINE_WARNING = timedelta(hours=24)  # by then a daily digest has listed the inquiry


class Severity(IntEnum):
    """``WARNING`` can wait until morning, ``CRITICAL`` cannot."""

    WARNING = 1
    CRITICAL = 2

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Problem:
    """A problem at this moment, without personal data. A greater ``count`` is worse."""

    event: str
    severity: Severity
    title: str
    advice: str
    count: int = 0

    def to_json(self) -> dict[str, str]:
        return {"event": self.event, "severity": self.severity.label, "title": self.title}


DATABASE_DOWN = Problem(
    "database_down", Severity.CRITICAL, "The database cannot be used", "run `flask doctor`"
)
DOCTOR_ADVICE = "`flask doctor` shows the cause"
TRANSPORT_PROBLEMS = {
    TransportFault.AUTHENTICATION: Problem(
        "mail_transport", Severity.CRITICAL, "The mail server refuses our login", DOCTOR_ADVICE
    ),
    TransportFault.TLS: Problem(
        "mail_transport",
        Severity.CRITICAL,
        "The mail server's encryption (TLS) fails",
        DOCTOR_ADVICE,
    ),
    # Limits end by themselves. If it lasts, waiting email raises an alert.
    TransportFault.SENDER: Problem(
        "mail_transport",
        Severity.WARNING,
        "The mail server refuses to send for us",
        "`flask outbox list` shows its answer",
    ),
    TransportFault.CLOCK: Problem(
        "mail_transport",
        Severity.CRITICAL,
        "Our clock is wrong, so our login is refused",
        DOCTOR_ADVICE,
    ),
}
# The others may end by themselves within minutes. If they last, the alert about waiting email
# names them.
CAUSES = {
    TransportFault.CONNECTION: "the mail server does not answer",
    TransportFault.LIMIT: "the mail server limits how much we send",
    TransportFault.TOKEN_ENDPOINT: "the service that issues tokens does not answer",
}


@dataclass(frozen=True)
class SiteHealth:
    """The statistics of the site, and the problems that they show, the most severe first."""

    outbox: OutboxStats
    quarantine: WaitingStats
    unanswered: WaitingStats
    retention_stopped_since: datetime | None = None
    backup_overdue_for: timedelta | None = None
    observed: tuple[Problem, ...] = ()

    @property
    def problems(self) -> list[Problem]:
        found = (
            *_mailer_problems(self.outbox),
            *_delivery_problems(self.outbox),
            *_quarantine_problems(self.quarantine),
            *_retention_problems(self.retention_stopped_since),
            *_backup_problems(self.backup_overdue_for),
            *self.observed,
        )
        return sorted(found, key=lambda problem: -problem.severity)

    @property
    def severity(self) -> Severity | None:
        """The highest severity of the problems; None when there are none."""
        return max((problem.severity for problem in self.problems), default=None)


def site_health(session: Session, now: datetime) -> SiteHealth:
    """The health of the site at ``now``."""
    return SiteHealth(
        outbox_stats(session, now),
        quarantine_stats(session, now),
        unanswered_stats(session, now),
        unconfirmed_since(session, now),
        backup_overdue_for(session, now),
        tuple(_observed_problems(session, now)),
    )


def _delivery_problems(stats: OutboxStats) -> Iterator[Problem]:
    if stats.dead:
        messages = "1 message" if stats.dead == 1 else f"{stats.dead} messages"
        yield Problem(
            "undelivered",
            Severity.CRITICAL,
            f"{messages} could not be delivered",
            "`flask outbox list` shows why; fix the cause, then run `flask outbox requeue`",
            count=stats.dead,
        )
    oldest = stats.oldest_pending
    cause = CAUSES.get(stats.transport_fault) if stats.transport_fault else None
    if oldest and oldest > DELAY_WARNING:
        yield Problem(
            "delivery_delayed",
            Severity.CRITICAL if oldest > DELAY_CRITICAL else Severity.WARNING,
            f"Email has been waiting for {format_duration(oldest)}{f': {cause}' if cause else ''}",
            "`flask outbox list` shows why",
        )
    if (call := stats.oldest_pending_call) and call > DELAY_WARNING:
        yield Problem(
            "receiver_delayed",
            Severity.WARNING,
            f"A notification or webhook has been waiting for {format_duration(call)}",
            "`flask outbox list` shows which and why",
        )
    if stats.paused_since:
        yield Problem(
            "paused",
            Severity.WARNING,
            "The outbox is paused: no email is sent",
            "check `flask outbox list`, then run `flask outbox resume`",
        )


def _mailer_problems(stats: OutboxStats) -> Iterator[Problem]:
    if stats.transport_fault in TRANSPORT_PROBLEMS:
        yield TRANSPORT_PROBLEMS[stats.transport_fault]
    age = stats.heartbeat_age
    if age is None or age > HEARTBEAT_TIMEOUT:
        yield Problem(
            "mailer_down",
            Severity.CRITICAL,
            f"No mailer has run for {format_duration(age)}" if age else "No mailer has run yet",
            "check the service and its log, and start it again",
        )
    if stats.downtime:
        start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in stats.downtime)
        yield Problem(
            "mailer_was_down",
            Severity.WARNING,
            f"No mailer ran from {start} to {end} UTC",
            "check in the log why it stopped; waiting email is being sent now",
        )


def _quarantine_problems(stats: WaitingStats) -> Iterator[Problem]:
    if stats.oldest and stats.oldest > QUARANTINE_WARNING:
        inquiries = "inquiry" if stats.count == 1 else "inquiries"
        yield Problem(
            "quarantine",
            Severity.WARNING,
            f"{stats.count} quarantined {inquiries} to review,"
            f" the oldest for {format_duration(stats.oldest)}",
            "`flask inquiries list --quarantined` lists them; `flask inquiries release` delivers"
            " one, `flask inquiries spam` confirms one",
        )


def _retention_problems(last_run: datetime | None) -> Iterator[Problem]:
    if last_run:
        yield Problem(
            "retention_stopped",
            Severity.WARNING,
            f"Nothing is erased: the last run, at {last_run:%Y-%m-%d %H:%M} UTC, is more than three"
            " days from the time by the clock",
            "correct the clock; if it is right, run `flask retention run`",
        )


def _backup_problems(overdue: timedelta | None) -> Iterator[Problem]:
    if overdue is not None:
        yield Problem(
            "backup",
            Severity.WARNING,
            f"Backups have been overdue for {format_duration(overdue)}: three are missing",
            "check the log of `flask backup` and the space in its folder",
        )


def _observed_problems(session: Session, now: datetime) -> Iterator[Problem]:
    rows = session.scalars(sa.select(Observation))
    limits = dict.fromkeys(CHANNELS, RECENT_CALL)
    recent = {
        row.name: row for row in rows if abs(now - row.observed_at) < limits.get(row.name, RECENT)
    }
    website = recent.get(WEBSITE)
    if website and website.failed_for >= WEBSITE_CRITICAL:
        title = f"The website is not ready for inquiries: {website.problem}"
        advice = "check the web service, the proxy and DNS; `flask doctor` shows more"
        yield Problem("website_down", Severity.CRITICAL, title, advice)
    if website and (end := website.certificate_ends_at) and end - now < CERTIFICATE_WARNING:
        title, advice = f"The certificate ends on {end:%Y-%m-%d}", "check why it is not renewed"
        yield Problem("certificate_ends", Severity.WARNING, title, advice)
    for name, (event, title) in CHANNELS.items():
        # Until now: an address that has refused one alert is not called again before the next.
        since = recent[name].failing_since if name in recent else None
        if since and now - since >= CHANNEL_WARNING:
            message = f"{title}: {recent[name].problem}"
            yield Problem(event, Severity.WARNING, message, "correct the address")
    if POSTS in recent:
        title = "Inquiries were refused within the last 15 minutes"
        advice = "the log of the web service shows the errors, `flask doctor` more"
        yield Problem("inquiries_refused", Severity.CRITICAL, title, advice)


def format_duration(age: timedelta) -> str:
    """``age`` in its largest useful unit: ``40 s``, ``17 min``, ``3 h``, ``2 days``."""
    seconds = max(0, int(age.total_seconds()))  # negative if the clock was set back
    for unit, name, limit in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds < unit * limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86400} days"
