"""``/metrics`` for Prometheus, behind METRICS_TOKEN. Without a token it does not exist,
and nothing of Prometheus is loaded.

Each worker counts its own requests in a file; who is asked adds the files up. What
stands in the database is counted there at that moment, so every host tells the same.
No label holds anything of a visitor: routes are told by their rule.
"""

import hmac
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from app.db import Database
from app.ops.metrics.collector import SiteCollector
from app.ops.metrics.requests import RequestNumbers
from app.web.answered import Answered

blueprint = Blueprint("metrics", __name__)


class Metrics:
    """All numbers of one site. ``requests`` are those of this host."""

    def __init__(self, database: Database, instance: Path, token: str, answered: Answered) -> None:
        self.requests = RequestNumbers(instance / "metrics", answered)
        self._registry = CollectorRegistry()
        self._registry.register(self.requests)
        self._registry.register(SiteCollector(database))
        self._token = f"Bearer {token}".encode()

    def may_read(self, authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), self._token)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        self.requests.count()
        return generate_latest(self._registry)


def init_app(app: Flask, *, token: str, instance: Path, answered: Answered) -> None:
    """Join ``/metrics`` to the application."""
    app.extensions["metrics"] = Metrics(app.extensions["database"], instance, token, answered)
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def show() -> Response:
    metrics: Metrics = current_app.extensions["metrics"]
    if metrics.may_read(request.headers.get("Authorization", "")):
        response = Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)
    else:
        words = "METRICS_TOKEN is wanted as bearer token\n"
        response = Response(words, 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
