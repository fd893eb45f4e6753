"""``/metrics`` for Prometheus, behind METRICS_TOKEN. Without a token the address does not exist,
and Prometheus's client is not loaded.
"""

import hmac
import os

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.database import Database
from app.monitoring.database_metrics import DatabaseCollector
from app.monitoring.request_metrics import RequestMetrics

blueprint = Blueprint("metrics", __name__)


class Metrics:
    """The metrics of one site: requests of this host, and what the database knows."""

    def __init__(self, database: Database, token: str) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(DatabaseCollector(database))
        self._token = f"Bearer {token}".encode()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(self._registry)
            self.requests = RequestMetrics()
        else:
            self.requests = RequestMetrics(self._registry)

    def may_read(self, authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), self._token)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)


def init_app(app: Flask, metrics: Metrics) -> None:
    """Serve ``/metrics``."""
    app.extensions["metrics"] = metrics
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def show() -> Response:
    metrics: Metrics = current_app.extensions["metrics"]
    if metrics.may_read(request.headers.get("Authorization", "")):
        response = Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)
    else:
        message = "METRICS_TOKEN is required as the bearer token\n"
        response = Response(message, 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
