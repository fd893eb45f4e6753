"""Is mail going out just now? The same judgement that alerts and health go by."""

from sqlalchemy.exc import SQLAlchemyError

from app.contact.queries import quarantine_stats
from app.database import Database
from app.database.engines import NotDurableError
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.monitoring.health_rules import Severity, Trouble, in_words, judge
from app.outbox.stats import Overview, look_over


def check_outbox(database: Database) -> list[CheckResult]:
    """The outbox and the mailers; nothing when the database cannot say."""
    try:
        with database.read_session() as session:
            now = database.now(session)
            seen, held = look_over(session, now), quarantine_stats(session, now)
    except (SQLAlchemyError, NotDurableError):
        return []  # that has a line of its own
    troubles = {one.event: one for one in judge(seen, held)}
    mailer = troubles.pop("mailer", None)
    findings = [_finding("mailer", mailer) if mailer else _alive(seen)]
    findings += [_finding("outbox", one) for one in troubles.values()]
    return findings if troubles else [*findings, _calm(seen)]


def _finding(part: str, trouble: Trouble) -> CheckResult:
    tell = failed if trouble.severity is Severity.PAGE else warning
    return tell(part, trouble.title, trouble.advice[:1].upper() + trouble.advice[1:])


def _alive(seen: Overview) -> CheckResult:
    assert seen.heartbeat is not None
    return ok("mailer", f"at work, last sign of life {in_words(seen.heartbeat)} ago")


def _calm(seen: Overview) -> CheckResult:
    if seen.relay_down_since:
        says = f"{seen.pending} waiting; no mail server since {seen.relay_down_since:%H:%M} UTC"
        return warning("outbox", says, "See the mail server's line; sending resumes by itself")
    return ok("outbox", f"{seen.pending} waiting, 0 undelivered")
