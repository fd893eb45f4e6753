"""The log goes to standard error: what happened, never who asked what.

A request's line has its id, method, route rule, status and milliseconds. The
raw path, the query, the body and the visitor's address are left out: on a
health site they say who is looking for what. What a line may hold stands in
``log_lines``.
"""

import logging
import secrets
import sys
import threading
import time
import warnings
from typing import Any, TextIO, cast

from flask import Flask, Response, current_app, g, has_request_context, request
from flask.logging import wsgi_errors_stream

from app.web.log_lines import ACCESS, LINES, AccessLine

LEVELS = {
    "frontdesk": logging.INFO,
    "app": logging.INFO,
    "alembic": logging.INFO,
    "alembic.runtime.plugins": logging.WARNING,  # below that it tells of itself
    "flask-limiter": logging.WARNING,  # below that it tells addresses
}
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"))

log = logging.getLogger("frontdesk.process")


class OurHandler(logging.StreamHandler[TextIO]):
    """The one that ``init_logs`` puts up, so that the next one finds it."""


def init_logs(
    app: Flask, *, log_format: str, show_messages: bool, access_line: AccessLine | None = None
) -> None:
    """Log to standard error, libraries too, and give each request an id of our own."""
    handler = OurHandler(cast("TextIO", wsgi_errors_stream))
    line = LINES[log_format]
    handler.setFormatter(line(show_messages=show_messages, request_id=current_request_id))
    root = logging.getLogger()
    root.handlers = [*(one for one in root.handlers if not isinstance(one, OurHandler)), handler]
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
    app.extensions["access_line"] = access_line or ACCESS[log_format]
    app.before_request(_begin)
    app.after_request(_log_request)


def guard_process() -> None:
    """From now on what nobody caught, and Python's warnings, go to the log as well: by
    type and place, for their words may be a visitor's.
    """
    logging.raiseExceptions = False  # else a record that cannot be shown is printed whole
    warnings.showwarning = _log_warning
    sys.excepthook = _log_uncaught
    sys.unraisablehook = lambda it: _log_uncaught(it.exc_type, it.exc_value, it.exc_traceback)
    threading.excepthook = lambda it: _log_uncaught(it.exc_type, it.exc_value, it.exc_traceback)


def new_request_id() -> str:
    return secrets.token_hex(8)


def current_request_id() -> str:
    """The id of the request under way; empty outside of requests."""
    return str(g.get("request_id", "")) if has_request_context() else ""


def _begin() -> None:
    g.request_id = new_request_id()
    g.began = time.perf_counter()


def _log_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    route = request.url_rule.rule if request.url_rule else None
    access_line: AccessLine = current_app.extensions["access_line"]
    line = access_line(
        known_method(request.method), g.request_id, route, response.status_code, g.began
    )
    request.environ["wsgi.errors"].write(line)
    return response


def known_method(method: str) -> str:
    """``method``, or a word for one that somebody made up: it may say anything."""
    return method if method in METHODS else "(other)"


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught", exc_info=(kind, error or kind(), trace))


def _log_warning(
    message: Warning | str,  # noqa: ARG001
    category: type[Warning],
    filename: str,
    lineno: int,
    *_others: Any,
    **_more: Any,
) -> None:
    log.warning("Python warns: %s at %s:%d", category.__name__, filename, lineno)
