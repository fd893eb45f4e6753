"""Which statistics are problems: the same rules for health checks, alerts, pings and the doctor.

Nothing here reads the database. The limits: an undelivered message, a refused login or a TLS
error at once; waiting email after 15 minutes, more urgent after 60; a missing mailer after 90
seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from app.contact.queries import QuarantineStats
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from app.outbox.stats import OutboxStats, TransportFault

DELAY_WARNING = timedelta(minutes=15)
DELAY_CRITICAL = timedelta(minutes=60)
QUARANTINE_WARNING = timedelta(hours=24)  # by then a daily digest has listed the inquiry


class Severity(IntEnum):
    """``WARN`` can wait until morning, ``PAGE`` cannot."""

    WARN = 1
    PAGE = 2

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


TRANSPORT_PROBLEMS = {
    TransportFault.AUTHENTICATION: (Severity.PAGE, "The mail server refuses our login"),
    TransportFault.TLS: (Severity.PAGE, "The mail server's encryption (TLS) fails"),
    # Some servers refuse a sender only for a while. If it lasts, waiting email raises an alert.
    TransportFault.SENDER: (Severity.WARN, "The mail server refuses our sender's address"),
}


def find_problems(stats: OutboxStats, quarantine: QuarantineStats) -> list[Problem]:
    """All problems, the most severe first; empty when there are none."""
    problems = (
        _dead(stats),
        _mail_transport(stats),
        _mailer(stats),
        _downtime(stats),
        _waiting(stats),
        _paused(stats),
        _quarantine(quarantine),
    )
    return sorted((problem for problem in problems if problem), key=lambda found: -found.severity)


def worst(problems: Iterable[Problem]) -> Severity | None:
    """The highest severity among ``problems``; None when there are none."""
    return max((problem.severity for problem in problems), default=None)


def _dead(stats: OutboxStats) -> Problem | None:
    if not stats.dead:
        return None
    messages = "1 message" if stats.dead == 1 else f"{stats.dead} messages"
    return Problem(
        "dead",
        Severity.PAGE,
        f"{messages} could not be delivered",
        "`flask outbox list` shows why; fix the cause, then run `flask outbox requeue`",
        count=stats.dead,
    )


def _mail_transport(stats: OutboxStats) -> Problem | None:
    if stats.transport_fault not in TRANSPORT_PROBLEMS:
        return None
    severity, title = TRANSPORT_PROBLEMS[stats.transport_fault]
    return Problem("mail_transport", severity, title, "`flask doctor` shows the cause")


def _mailer(stats: OutboxStats) -> Problem | None:
    age = stats.heartbeat_age
    if age is not None and age <= HEARTBEAT_TIMEOUT:
        return None
    return Problem(
        "mailer",
        Severity.PAGE,
        f"No mailer has run for {format_duration(age)}" if age else "No mailer has run yet",
        "check the service and its log, and start it again",
    )


def _downtime(stats: OutboxStats) -> Problem | None:
    if stats.downtime is None:
        return None
    start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in stats.downtime)
    return Problem(
        "downtime",
        Severity.WARN,
        f"No mailer ran from {start} to {end} UTC",
        "check in the log why it stopped; waiting email is being sent now",
    )


def _waiting(stats: OutboxStats) -> Problem | None:
    age = stats.oldest_pending
    if age is None or age <= DELAY_WARNING:
        return None
    return Problem(
        "waiting",
        Severity.PAGE if age > DELAY_CRITICAL else Severity.WARN,
        f"Email has been waiting for {format_duration(age)}",
        "`flask outbox list` shows why",
    )


def _paused(stats: OutboxStats) -> Problem | None:
    if stats.paused_since is None:
        return None
    return Problem(
        "paused",
        Severity.WARN,
        "The outbox is paused: no email is sent",
        "check `flask outbox list`, then run `flask outbox resume`",
    )


def _quarantine(stats: QuarantineStats) -> Problem | None:
    if stats.oldest is None or stats.oldest <= QUARANTINE_WARNING:
        return None
    one = stats.count == 1
    inquiries = (
        "1 quarantined inquiry waits" if one else f"{stats.count} quarantined inquiries wait"
    )
    return Problem(
        "quarantine",
        Severity.WARN,
        f"{inquiries} for review, the oldest for {format_duration(stats.oldest)}",
        "`flask inquiries list --quarantined` lists them; `flask inquiries release` delivers one",
    )


def format_duration(age: timedelta) -> str:
    """``age`` in its largest useful unit: ``40 s``, ``17 min``, ``3 h``, ``2 days``."""
    seconds = int(age.total_seconds())
    for unit, name, limit in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds < unit * limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86400} days"
