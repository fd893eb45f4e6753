"""Receives and logs browsers' reports about violations of our security policies.

A log line has the directive, the kind of page and the host of what was blocked, but no path or
query, which could identify a visitor. Reports come from anybody, so they are small, rate limited
and logged only when they have the expected form.
"""

import json
import logging
import re
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.web.rate_limits import limiter
from app.web.security_headers import REPORT_PATH

MAX_BYTES = 16 * 1024
MAX_VALUE_LENGTH = 2000  # urlsplit takes quadratic time to normalize Unicode
MAX_LOGGED = 5  # of the reports in one request
RATE_LIMIT = "10 per minute"
DIRECTIVE = re.compile(r"[a-z-]{1,40}")
HOST = re.compile(r"[a-z0-9.:-]{1,100}")
KEYWORDS = ("inline", "eval", "wasm-eval", "data", "blob")
UNKNOWN = "(unknown)"
# Directive, blocked address and page in a report: Reporting API, and report-uri before it.
FIELD_NAMES = (
    ("effectiveDirective", "blockedURL", "documentURL"),
    ("violated-directive", "blocked-uri", "document-uri"),
)
log = logging.getLogger("frontdesk.policy")


def init_csp_reports(app: Flask) -> None:
    view = limiter.limit(RATE_LIMIT)(receive_reports)
    app.add_url_rule(REPORT_PATH, "policy_reports", view, methods=["POST"])


def receive_reports() -> Response:
    """Log the first few reports. Always 204: browsers ignore the response."""
    request.max_content_length = MAX_BYTES
    for report in _reports(request.get_data())[:MAX_LOGGED]:
        if violation := _violation(report):
            log.warning("policy violation: %s blocked %s on %s", *violation)
    response = Response(status=204)
    response.headers["Cache-Control"] = "no-store"
    return response


def _reports(body: bytes) -> list[dict[str, Any]]:
    """Return the bodies of the reports, in either of the two formats."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if isinstance(data, dict):
        data = [{"body": data.get("csp-report")}]
    if not isinstance(data, list):
        return []
    bodies = (report.get("body") for report in data if isinstance(report, dict))
    return [report for report in bodies if isinstance(report, dict)]


def _violation(report: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return the directive, the blocked host and the page's route, or None if malformed."""
    for names in FIELD_NAMES:
        rule, blocked, page = (str(report.get(name, ""))[:MAX_VALUE_LENGTH] for name in names)
        directive = rule.split(" ")[0] or ("integrity" if "destination" in report else "")
        if DIRECTIVE.fullmatch(directive):
            return directive, _host(blocked), _route(page)
    return None


def _host(address: str) -> str:
    """Return the host of what was blocked, or a keyword such as ``inline``."""
    if address in KEYWORDS:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return UNKNOWN
    known = parts.scheme in ("http", "https", "ws", "wss") and HOST.fullmatch(parts.netloc)
    return parts.netloc if known else UNKNOWN


def _route(address: str) -> str:
    """Return the URL rule of a page, such as ``/contact/received/<reference>``."""
    try:
        adapter = current_app.create_url_adapter(request)
        assert adapter
        rule, _ = adapter.match(urlsplit(address).path, "GET", return_rule=True)
    except (ValueError, HTTPException, RequestRedirect):
        return UNKNOWN
    return rule.rule
