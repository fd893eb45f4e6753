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


def init_app(app: Flask, database: Database, token: str) -> RequestMetrics:
    """Serve ``/metrics``: statistics of the database, and the returned counts of the requests
    to all processes of this host.
    """
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(database))
    several_processes = bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    if several_processes:
        MultiProcessCollector(registry)

    @app.get("/metrics")
    def metrics() -> Response:
        """All metrics in Prometheus's text format, or 401 without the token."""
        authorization = request.headers.get("Authorization", "").encode()
        if hmac.compare_digest(authorization, f"Bearer {token}".encode()):
            response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
        else:
            message = "the METRICS_TOKEN is required as a bearer token\n"
            response = Response(message, HTTPStatus.UNAUTHORIZED, content_type="text/plain")
            response.headers["WWW-Authenticate"] = "Bearer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return RequestMetrics(None if several_processes else registry)
