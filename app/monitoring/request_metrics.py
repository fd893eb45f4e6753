"""HTTP request metrics of all processes of this host.

When PROMETHEUS_MULTIPROC_DIR is set (by gunicorn.conf.py), each process writes its numbers
to files in that folder, and a scrape adds them up.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

# Seconds. A cached page takes a tenth of a millisecond; a post should take less than 0.3 s.
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.3, 1.0, 5.0, 30.0)


class RequestMetrics:
    """Counts requests by URL rule, never by the requested path."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._requests = Counter(
            "frontdesk_http_requests",
            "HTTP responses, by URL rule and status.",
            ["route", "status"],
            registry=registry,
        )
        self._duration = Histogram(
            "frontdesk_http_request_duration_seconds",
            "Time to answer an HTTP request, by URL rule.",
            ["route"],
            buckets=BUCKETS,
            registry=registry,
        )

    def observe(self, route: str | None, status: int, seconds: float) -> None:
        """Count one response; ``route`` is None where no URL rule matched."""
        name = route or "(none)"
        self._requests.labels(name, str(status)).inc()
        self._duration.labels(name).observe(seconds)
