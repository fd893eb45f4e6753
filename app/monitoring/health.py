"""Health checks for service managers, load balancers and monitors. No personal data.

/healthz: the process answers (with its version). /readyz: an inquiry can be stored.
/healthz/outbox: email is delivered; 503 when someone must act at once.
"""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from app.database import key_check_values
from app.database.engines import NotDurableError
from app.database.revisions import get_revision, schema_problem
from app.encryption import UnknownKeyError
from app.monitoring.health_rules import Problem, Severity, site_health
from app.outbox.stats import OutboxStats
from app.services import current_services
from app.version import version

blueprint = Blueprint("health", __name__)

DATABASE_DOWN = Problem(
    "database_down", Severity.CRITICAL, "The database does not answer", "run `flask doctor`"
)


@blueprint.after_request
def disable_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    return Response(f"ok {version()}\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether an inquiry can be stored now."""
    reason = _not_ready_reason()
    return _response({"ready": reason is None, "reason": reason}, healthy=reason is None)


def _not_ready_reason() -> str | None:
    database = current_services().database
    try:
        with database.read_session() as session:
            if problem := schema_problem(get_revision(session.connection())):
                return problem
            key_check_values.check_keys(session, database.keys)
    except UnknownKeyError:
        return "a key is missing from ENCRYPTION_KEYS"
    except (SQLAlchemyError, NotDurableError):
        return "the database does not answer"
    return None


@blueprint.get("/healthz/outbox")
def outbox() -> Response:
    """Statistics of the outbox, and their problems."""
    database = current_services().database
    try:
        with database.read_session() as session:
            health = site_health(session, database.now(session))
    except (SQLAlchemyError, NotDurableError):
        down = {"status": Severity.CRITICAL.label, "problems": [DATABASE_DOWN.to_json()]}
        return _response(down, healthy=False)
    body = {
        "status": health.severity.label if health.severity else "ok",
        "problems": [problem.to_json() for problem in health.problems],
        **_statistics(health.outbox),
    }
    return _response(body, healthy=health.severity is not Severity.CRITICAL)


def _statistics(stats: OutboxStats) -> dict[str, Any]:
    """Ages in whole seconds, times in ISO 8601; None where there is nothing."""
    oldest, heartbeat = stats.oldest_pending, stats.heartbeat_age
    since = stats.transport_unavailable_since
    return {
        "pending": stats.pending,
        "oldest_pending_seconds": int(oldest.total_seconds()) if oldest is not None else None,
        "dead": stats.dead,
        "heartbeat_age_seconds": int(heartbeat.total_seconds()) if heartbeat is not None else None,
        "transport_unavailable_since": since.isoformat(timespec="seconds") if since else None,
        "transport_fault": stats.transport_fault,
        "paused": stats.paused_since is not None,
    }


def _response(body: dict[str, Any], *, healthy: bool) -> Response:
    response = jsonify(body)
    response.status_code = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return response
