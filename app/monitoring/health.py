"""For supervisors, load balancers and outside monitors. Numbers, no personal data.

/healthz says that the process answers, and which version it is; /readyz that it can do
its work; /healthz/outbox that mail goes out: 503 when somebody should be woken.
"""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from app.contact.queries import quarantine_stats
from app.database.engines import NotDurableError
from app.database.revisions import revision_of, schema_problem
from app.encryption import UnknownKeyError
from app.maintenance import encryption_keys
from app.monitoring.health_rules import Problem, Severity, find_problems, worst
from app.outbox.stats import OutboxStats, outbox_stats
from app.services import current_services
from app.version import version

blueprint = Blueprint("health", __name__)

NO_ANSWER = Problem(
    "database", Severity.PAGE, "The database does not answer", "`flask doctor` says more"
)


@blueprint.after_request
def never_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    return Response(f"ok {version()}\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether an inquiry could be written down here and now."""
    fault = _unready()
    return _answer({"ready": fault is None, "reason": fault}, well=fault is None)


def _unready() -> str | None:
    database = current_services().database
    try:
        with database.read_session() as session:
            if fault := schema_problem(revision_of(session.connection())):
                return fault
            encryption_keys.check_keys(session, database.keys)
    except UnknownKeyError:
        return "a key is missing from ENCRYPTION_KEYS"
    except (SQLAlchemyError, NotDurableError):
        return "the database does not answer"
    return None


@blueprint.get("/healthz/outbox")
def outbox() -> Response:
    """The outbox in numbers, and what is wrong with them."""
    database = current_services().database
    try:
        with database.read_session() as session:
            now = database.now(session)
            seen, held = outbox_stats(session, now), quarantine_stats(session, now)
    except (SQLAlchemyError, NotDurableError):
        return _answer(_judged([NO_ANSWER]), well=False)
    problems = find_problems(seen, held)
    well = worst(problems) is not Severity.PAGE
    return _answer({**_judged(problems), **_numbers(seen)}, well=well)


def _judged(problems: list[Problem]) -> dict[str, Any]:
    loudest = worst(problems)
    return {
        "status": loudest.label if loudest else "ok",
        "problems": [
            {"event": one.event, "severity": one.severity.label, "title": one.title}
            for one in problems
        ],
    }


def _numbers(seen: OutboxStats) -> dict[str, Any]:
    """Ages in whole seconds, moments in ISO 8601; None for what there is none of."""
    oldest, beat, down = seen.oldest_pending, seen.heartbeat_age, seen.transport_unavailable_since
    return {
        "pending": seen.pending,
        "oldest_pending_seconds": int(oldest.total_seconds()) if oldest is not None else None,
        "dead": seen.dead,
        "heartbeat_age_seconds": int(beat.total_seconds()) if beat is not None else None,
        "transport_unavailable_since": down.isoformat(timespec="seconds") if down else None,
        "transport_fault": seen.transport_fault,
        "paused": seen.paused_since is not None,
    }


def _answer(body: dict[str, Any], *, well: bool) -> Response:
    response = jsonify(body)
    response.status_code = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return response
