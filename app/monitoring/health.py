"""Health checks for service managers, load balancers and monitors: public, so status only.

/healthz: the process answers. /readyz: an inquiry can be stored. /healthz/outbox: email is
delivered; 503 when someone must act at once. Numbers would show when somebody has written: they
and the version are in /metrics, for METRICS_TOKEN, and in `flask status`.
"""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from app.monitoring.health_rules import Severity, site_health
from app.services import current_services
from app.web.forwarded import forwarded_entries

blueprint = Blueprint("health", __name__)

PROXIES_HEADER = "X-Forwarded-For-Entries"


@blueprint.after_request
def disable_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether an inquiry can be stored now. A header tells the doctor what proxies add."""
    ready = current_services().readiness.problem() is None
    response = _response("ready", ready, healthy=ready)
    response.headers[PROXIES_HEADER] = len(forwarded_entries())
    return response


@blueprint.get("/healthz/outbox")
def outbox() -> Response:
    """The highest severity of all problems."""
    database = current_services().database
    try:
        with database.read_session() as session:
            severity = site_health(session, database.now(session)).severity
    except SQLAlchemyError:
        severity = Severity.CRITICAL
    status = severity.label if severity else "ok"
    return _response("status", status, healthy=severity is not Severity.CRITICAL)


def _response(name: str, value: object, *, healthy: bool) -> Response:
    response = jsonify({name: value})
    response.status_code = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return response
