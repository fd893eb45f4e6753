"""``/metrics`` for Prometheus, protected by METRICS_TOKEN. Without a token this module is not
imported, and the address does not exist.
"""

import hmac
import os
from http import HTTPStatus

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.database import Database
from app.monitoring.database_metrics import DatabaseCollector
from app.monitoring.request_metrics import RequestMetrics


class Metrics:
    """The metrics of a site: the requests of this host, and statistics of the database."""

    def __init__(self, database: Database, token: str) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(DatabaseCollector(database))
        self._token = f"Bearer {token}".encode()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(self._registry)
            self.requests = RequestMetrics()
        else:
            self.requests = RequestMetrics(self._registry)

    def view(self) -> Response:
        """All metrics in Prometheus's text format, or 401 without the token."""
        authorization = request.headers.get("Authorization", "").encode()
        if hmac.compare_digest(authorization, self._token):
            response = Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)
        else:
            message = "the METRICS_TOKEN is required as a bearer token\n"
            response = Response(message, HTTPStatus.UNAUTHORIZED, content_type="text/plain")
            response.headers["WWW-Authenticate"] = "Bearer"
        response.headers["Cache-Control"] = "no-store"
        return response


def init_app(app: Flask, metrics: Metrics) -> None:
    """Serve ``/metrics``."""
    app.add_url_rule("/metrics", "metrics", metrics.view)
