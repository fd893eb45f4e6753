"""When numbers are problem. One judgement for health, alerts, pings and the doctor.

Pure: an overview in, problems out. The limits are those of the design: an undelivered
mail, or a relay that refuses our login or fails at TLS, is told at once; waiting mail
after 15 minutes, and louder after 60; a mailer that is silent for 90 seconds.
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
QUARANTINE_WARNING = timedelta(hours=24)  # a digest has told of it, and nobody looked; or none came


class Severity(IntEnum):
    """How loud: ``WARN`` can wait for the morning, ``PAGE`` cannot."""

    WARN = 1
    PAGE = 2

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Problem:
    """Something that is wrong now. ``count`` tells when it gets worse; no personal data."""

    event: str
    severity: Severity
    title: str
    advice: str
    count: int = 0


TRANSPORT_PROBLEMS = {
    TransportFault.AUTHENTICATION: (Severity.PAGE, "The mail server refuses our login"),
    TransportFault.TLS: (Severity.PAGE, "The mail server's encryption (TLS) fails"),
    # Some servers refuse a sender for a while only; if it lasts, waiting mail tells.
    TransportFault.SENDER: (Severity.WARN, "The mail server refuses our sender's address"),
}


def find_problems(seen: OutboxStats, held: QuarantineStats) -> list[Problem]:
    """What is wrong with ``seen`` and ``held``, the worst first; empty when all is well."""
    problems = (
        _dead(seen),
        _relay(seen),
        _silent(seen),
        _downtime(seen),
        _waiting(seen),
        _on_hold(seen),
        _unseen(held),
    )
    return sorted((one for one in problems if one), key=lambda one: -one.severity)


def worst(problems: Iterable[Problem]) -> Severity | None:
    """The loudest severity among ``problems``; None when there are none."""
    return max((one.severity for one in problems), default=None)


def _dead(seen: OutboxStats) -> Problem | None:
    if not seen.dead:
        return None
    mails = "1 mail" if seen.dead == 1 else f"{seen.dead} mails"
    return Problem(
        "dead",
        Severity.PAGE,
        f"{mails} could not be delivered",
        "`flask outbox list` says why; mend it, then `flask outbox requeue`",
        count=seen.dead,
    )


def _relay(seen: OutboxStats) -> Problem | None:
    if seen.transport_fault not in TRANSPORT_PROBLEMS:
        return None
    severity, title = TRANSPORT_PROBLEMS[seen.transport_fault]
    return Problem("mail_transport", severity, title, "`flask doctor` says what is wrong with it")


def _silent(seen: OutboxStats) -> Problem | None:
    if seen.heartbeat_age is not None and seen.heartbeat_age <= HEARTBEAT_TIMEOUT:
        return None
    since = f"for {format_duration(seen.heartbeat_age)}" if seen.heartbeat_age else "at all"
    return Problem(
        "mailer",
        Severity.PAGE,
        f"No mailer has given a sign of life {since}",
        "look at the service and its log, and start it again",
    )


def _downtime(seen: OutboxStats) -> Problem | None:
    if seen.downtime is None:
        return None
    start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in seen.downtime)
    return Problem(
        "downtime",
        Severity.WARN,
        f"No mailer ran from {start} to {end} UTC",
        "check in the log why it stopped; mail that waited is being sent now",
    )


def _waiting(seen: OutboxStats) -> Problem | None:
    waited = seen.oldest_pending
    if waited is None or waited <= DELAY_WARNING:
        return None
    return Problem(
        "waiting",
        Severity.PAGE if waited > DELAY_CRITICAL else Severity.WARN,
        f"Mail has been waiting for {format_duration(waited)}",
        "`flask outbox list` says why",
    )


def _on_hold(seen: OutboxStats) -> Problem | None:
    if seen.paused_since is None:
        return None
    return Problem(
        "paused",
        Severity.WARN,
        "The outbox is on hold: no mail goes out",
        "look at `flask outbox list`, then `flask outbox resume`",
    )


def _unseen(held: QuarantineStats) -> Problem | None:
    if held.oldest is None or held.oldest <= QUARANTINE_WARNING:
        return None
    wait = "1 held inquiry waits" if held.count == 1 else f"{held.count} held inquiries wait"
    return Problem(
        "quarantine",
        Severity.WARN,
        f"{wait} for a look, the oldest for {format_duration(held.oldest)}",
        "`flask inquiries list --quarantined` names them; `flask inquiries release` sends one on",
    )


def format_duration(age: timedelta) -> str:
    """``age`` as people say it: ``40 s``, ``17 min``, ``3 h``, ``2 days``."""
    seconds = int(age.total_seconds())
    for unit, name, enough in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds < unit * enough:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86400} days"
