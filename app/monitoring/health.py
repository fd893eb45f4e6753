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
from app.monitoring.health_rules import Severity, Trouble, judge, worst
from app.outbox.stats import Overview, look_over
from app.services import current_services
from app.version import version

blueprint = Blueprint("health", __name__)

NO_ANSWER = Trouble(
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
    return _answer({"ready": fault is None, "why": fault}, well=fault is None)


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
            seen, held = look_over(session, now), quarantine_stats(session, now)
    except (SQLAlchemyError, NotDurableError):
        return _answer(_judged([NO_ANSWER]), well=False)
    troubles = judge(seen, held)
    well = worst(troubles) is not Severity.PAGE
    return _answer({**_judged(troubles), **_numbers(seen)}, well=well)


def _judged(troubles: list[Trouble]) -> dict[str, Any]:
    loudest = worst(troubles)
    return {
        "status": loudest.word if loudest else "ok",
        "troubles": [
            {"event": one.event, "severity": one.severity.word, "title": one.title}
            for one in troubles
        ],
    }


def _numbers(seen: Overview) -> dict[str, Any]:
    """Ages in whole seconds, moments in ISO 8601; None for what there is none of."""
    oldest, beat, down = seen.oldest_pending, seen.heartbeat, seen.relay_down_since
    return {
        "pending": seen.pending,
        "oldest_pending_seconds": int(oldest.total_seconds()) if oldest is not None else None,
        "dead": seen.dead,
        "heartbeat_seconds": int(beat.total_seconds()) if beat is not None else None,
        "relay_down_since": down.isoformat(timespec="seconds") if down else None,
        "relay_fault": seen.relay_fault,
        "on_hold": seen.held_since is not None,
    }


def _answer(body: dict[str, Any], *, well: bool) -> Response:
    response = jsonify(body)
    response.status_code = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return response
