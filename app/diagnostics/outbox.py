"""Is mail going out just now? The same judgement that alerts and health go by."""

from sqlalchemy.exc import SQLAlchemyError

from app.contact.queries import quarantine_stats
from app.database import Database
from app.database.engines import NotDurableError
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.monitoring.health_rules import Problem, Severity, find_problems, format_duration
from app.outbox.stats import OutboxStats, outbox_stats


def check_outbox(database: Database) -> list[CheckResult]:
    """The outbox and the mailers; nothing when the database cannot say."""
    try:
        with database.read_session() as session:
            now = database.now(session)
            seen, held = outbox_stats(session, now), quarantine_stats(session, now)
    except (SQLAlchemyError, NotDurableError):
        return []  # that has a line of its own
    problems = {one.event: one for one in find_problems(seen, held)}
    mailer = problems.pop("mailer", None)
    findings = [_finding("mailer", mailer) if mailer else _alive(seen)]
    findings += [_finding("outbox", one) for one in problems.values()]
    return findings if problems else [*findings, _calm(seen)]


def _finding(part: str, problem: Problem) -> CheckResult:
    tell = failed if problem.severity is Severity.PAGE else warning
    return tell(part, problem.title, problem.advice[:1].upper() + problem.advice[1:])


def _alive(seen: OutboxStats) -> CheckResult:
    assert seen.heartbeat_age is not None
    return ok("mailer", f"at work, last sign of life {format_duration(seen.heartbeat_age)} ago")


def _calm(seen: OutboxStats) -> CheckResult:
    if seen.transport_unavailable_since:
        since = f"{seen.transport_unavailable_since:%H:%M} UTC"
        says = f"{seen.pending} waiting; no mail server since {since}"
        return warning("outbox", says, "See the mail server's line; sending resumes by itself")
    return ok("outbox", f"{seen.pending} waiting, 0 undelivered")
