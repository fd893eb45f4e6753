"""Checks of the outbox and the mailer, by the rules of alerts and health checks."""

from sqlalchemy.orm import Session

from app.database import Database
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.monitoring.health_rules import Problem, Severity, format_duration, site_health
from app.outbox.stats import OutboxStats


def check_outbox(database: Database, session: Session) -> list[CheckResult]:
    """Check the outbox and the mailer. Raises SQLAlchemyError."""
    health = site_health(session, database.now(session))
    problems = {
        problem.event: problem for problem in health.problems if problem not in health.observed
    }
    mailer = problems.pop("mailer_down", None)
    problems.pop("backup", None)  # a check of its own
    if mailer:
        results = [_problem("mailer", mailer)]
    else:
        assert health.outbox.heartbeat_age is not None
        message = f"running, last heartbeat {format_duration(health.outbox.heartbeat_age)} ago"
        results = [ok("mailer", message)]
    results += [_problem("site", problem) for problem in health.observed]
    results += [_problem("outbox", problem) for problem in problems.values()]
    return results if problems else [*results, _without_problems(health.outbox)]


def _problem(check: str, problem: Problem) -> CheckResult:
    result = failed if problem.severity is Severity.CRITICAL else warning
    return result(check, problem.title, problem.advice[:1].upper() + problem.advice[1:])


def _without_problems(stats: OutboxStats) -> CheckResult:
    if stats.transport_unavailable_since:
        since = f"{stats.transport_unavailable_since:%H:%M} UTC"
        message = f"{stats.pending} pending; mail server unavailable since {since}"
        return warning("outbox", message, "See the mail server check; sending resumes by itself")
    return ok("outbox", f"{stats.pending} pending, 0 undelivered")
