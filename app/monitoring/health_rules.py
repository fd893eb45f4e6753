"""When numbers are trouble. One judgement for health, alerts, pings and the doctor.

Pure: an overview in, troubles out. The limits are those of the design: an undelivered
mail, or a relay that refuses our login or fails at TLS, is told at once; waiting mail
after 15 minutes, and louder after 60; a mailer that is silent for 90 seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from app.contact.queries import QuarantineStats
from app.outbox.heartbeat import SILENT
from app.outbox.stats import Overview, RelayFault

WAITS_LONG = timedelta(minutes=15)
WAITS_TOO_LONG = timedelta(minutes=60)
UNSEEN = timedelta(hours=24)  # a digest has told of it, and nobody looked; or none came


class Severity(IntEnum):
    """How loud: ``WARN`` can wait for the morning, ``PAGE`` cannot."""

    WARN = 1
    PAGE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong now. ``count`` tells when it gets worse; no personal data."""

    event: str
    severity: Severity
    title: str
    advice: str
    count: int = 0


RELAY_TROUBLE = {
    RelayFault.AUTHENTICATION: (Severity.PAGE, "The mail server refuses our login"),
    RelayFault.TLS: (Severity.PAGE, "The mail server's encryption (TLS) fails"),
    # Some servers refuse a sender for a while only; if it lasts, waiting mail tells.
    RelayFault.SENDER: (Severity.WARN, "The mail server refuses our sender's address"),
}


def judge(seen: Overview, held: QuarantineStats) -> list[Trouble]:
    """What is wrong with ``seen`` and ``held``, the worst first; empty when all is well."""
    troubles = (
        _dead(seen),
        _relay(seen),
        _silent(seen),
        _downtime(seen),
        _waiting(seen),
        _on_hold(seen),
        _unseen(held),
    )
    return sorted((one for one in troubles if one), key=lambda one: -one.severity)


def worst(troubles: Iterable[Trouble]) -> Severity | None:
    """The loudest severity among ``troubles``; None when there are none."""
    return max((one.severity for one in troubles), default=None)


def _dead(seen: Overview) -> Trouble | None:
    if not seen.dead:
        return None
    mails = "1 mail" if seen.dead == 1 else f"{seen.dead} mails"
    return Trouble(
        "dead",
        Severity.PAGE,
        f"{mails} could not be delivered",
        "`flask outbox list` says why; mend it, then `flask outbox requeue`",
        count=seen.dead,
    )


def _relay(seen: Overview) -> Trouble | None:
    if seen.relay_fault not in RELAY_TROUBLE:
        return None
    severity, title = RELAY_TROUBLE[seen.relay_fault]
    return Trouble("relay", severity, title, "`flask doctor` says what is wrong with it")


def _silent(seen: Overview) -> Trouble | None:
    if seen.heartbeat is not None and seen.heartbeat <= SILENT:
        return None
    since = f"for {in_words(seen.heartbeat)}" if seen.heartbeat else "at all"
    return Trouble(
        "mailer",
        Severity.PAGE,
        f"No mailer has given a sign of life {since}",
        "look at the service and its log, and start it again",
    )


def _downtime(seen: Overview) -> Trouble | None:
    if seen.downtime is None:
        return None
    start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in seen.downtime)
    return Trouble(
        "downtime",
        Severity.WARN,
        f"No mailer ran from {start} to {end} UTC",
        "check in the log why it stopped; mail that waited is being sent now",
    )


def _waiting(seen: Overview) -> Trouble | None:
    waited = seen.oldest_pending
    if waited is None or waited <= WAITS_LONG:
        return None
    return Trouble(
        "waiting",
        Severity.PAGE if waited > WAITS_TOO_LONG else Severity.WARN,
        f"Mail has been waiting for {in_words(waited)}",
        "`flask outbox list` says why",
    )


def _on_hold(seen: Overview) -> Trouble | None:
    if seen.held_since is None:
        return None
    return Trouble(
        "hold",
        Severity.WARN,
        "The outbox is on hold: no mail goes out",
        "look at `flask outbox list`, then `flask outbox resume`",
    )


def _unseen(held: QuarantineStats) -> Trouble | None:
    if held.oldest is None or held.oldest <= UNSEEN:
        return None
    wait = "1 held inquiry waits" if held.count == 1 else f"{held.count} held inquiries wait"
    return Trouble(
        "held",
        Severity.WARN,
        f"{wait} for a look, the oldest for {in_words(held.oldest)}",
        "`flask inquiries list --quarantined` names them; `flask inquiries release` sends one on",
    )


def in_words(age: timedelta) -> str:
    """``age`` as people say it: ``40 s``, ``17 min``, ``3 h``, ``2 days``."""
    seconds = int(age.total_seconds())
    for unit, name, enough in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds < unit * enough:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86400} days"
