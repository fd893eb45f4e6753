"""Where browsers report what our policies made them refuse.

A log line says which rule, on which kind of page, and from which host the
refused thing came: never an address with a path or query of a visitor's. The
sender is a stranger, so a report is small, few are taken, and what does not
look like a report is dropped without a word.
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

MOST_BYTES = 16 * 1024
MOST_CHARACTERS = 2000  # of each value: urlsplit normalizes Unicode in quadratic time
MOST_TOLD = 5  # of the reports that come together
FEW = "10 per minute"
DIRECTIVE = re.compile(r"[a-z-]{1,40}")
HOST = re.compile(r"[a-z0-9.:-]{1,100}")
KEYWORDS = ("inline", "eval", "wasm-eval", "data", "blob")
# (type of report, its directive, its blocked address): Reporting API, and report-uri before it.
NAMES = (
    ("effectiveDirective", "blockedURL", "documentURL"),
    ("violated-directive", "blocked-uri", "document-uri"),
)
log = logging.getLogger("frontdesk.policy")


def init_reports(app: Flask) -> None:
    app.add_url_rule(REPORT_PATH, "policy_reports", limiter.limit(FEW)(receive), methods=["POST"])


def receive() -> Response:
    """Log what is told, at most a few lines. Always 204: a browser needs no answer."""
    request.max_content_length = MOST_BYTES
    for report in _reports(request.get_data())[:MOST_TOLD]:
        if told := _told(report):
            log.warning("policy violation: %s refused from %s on %s", *told)
    response = Response(status=204)
    response.headers["Cache-Control"] = "no-store"
    return response


def _reports(body: bytes) -> list[dict[str, Any]]:
    """The bodies of the reports in either of the two formats."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if isinstance(found, dict):
        found = [{"body": found.get("csp-report")}]
    if not isinstance(found, list):
        return []
    bodies = (one.get("body") for one in found if isinstance(one, dict))
    return [one for one in bodies if isinstance(one, dict)]


def _told(report: dict[str, Any]) -> tuple[str, str, str] | None:
    """Rule, origin and page of ``report``, each out of a closed set or trimmed; None: no report."""
    for names in NAMES:
        rule, blocked, page = (str(report.get(name, ""))[:MOST_CHARACTERS] for name in names)
        directive = rule.split(" ")[0] or ("integrity" if "destination" in report else "")
        if DIRECTIVE.fullmatch(directive):
            return directive, _origin(blocked), _route(page)
    return None


def _origin(address: str) -> str:
    """The host of what was refused; a keyword where there is none."""
    if address in KEYWORDS:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return "something"
    if parts.scheme not in ("http", "https", "ws", "wss"):
        return "something"
    return parts.netloc if HOST.fullmatch(parts.netloc) else "something"


def _route(address: str) -> str:
    """The rule that answers ``address``: ``/contact/received/<reference>``."""
    try:
        adapter = current_app.create_url_adapter(request)
        assert adapter
        rule, _ = adapter.match(urlsplit(address).path, "GET", return_rule=True)
    except (ValueError, HTTPException, RequestRedirect):
        return "another page"
    return rule.rule
