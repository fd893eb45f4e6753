"""Logging to standard error, without personal data.

A request is logged with its id, method, URL rule, status and duration. The path, the query, the
body and the visitor's address are omitted: on a health site they show who is looking for what.
An exception is logged by its type and stack, because its message may quote a visitor. Messages
of libraries that were not reviewed are replaced by the place that logged them. In development
(``show_messages``) all messages are shown.
"""

import json
import logging
import secrets
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from flask import Flask, Response, g, has_request_context, request
from flask.logging import wsgi_errors_stream

from app import clock

LEVELS = {
    "frontdesk": logging.INFO,
    "app": logging.INFO,
    "alembic": logging.INFO,
    "alembic.runtime.plugins": logging.WARNING,  # logs every plugin it finds
    "flask-limiter": logging.WARNING,  # logs addresses
}
# Loggers whose messages are shown: our own, and those of libraries that were reviewed.
REVIEWED = frozenset(("frontdesk", "app", "gunicorn", "alembic", "flask-limiter"))
FIELDS = ("request_id", "reference", "outcome", "code", "method", "route", "status", "ms")
OMITTED = "(library message omitted)"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"))

access_log = logging.getLogger("frontdesk.access")
process_log = logging.getLogger("frontdesk.process")


class LogFormatter(logging.Formatter):
    """Selects the parts of a log record that may be shown."""

    def __init__(self, *, show_messages: bool = False) -> None:
        super().__init__()
        self._show_messages = show_messages

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the parts of ``record`` to show, in order."""
        reviewed = record.name.partition(".")[0] in REVIEWED
        shown: dict[str, Any] = {
            "time": clock.iso_utc(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record, reviewed=reviewed),
        }
        given = {"request_id": current_request_id(), **record.__dict__}
        shown |= {name: given[name] for name in FIELDS if given.get(name) not in (None, "")}
        if record.exc_info and record.exc_info[0]:
            shown |= self._exception(record.exc_info[1], record.exc_info[2])
        elif not reviewed:
            shown["at"] = [f"{record.pathname}:{record.lineno} {record.funcName}"]
        return shown

    def _message(self, record: logging.LogRecord, *, reviewed: bool) -> str:
        if self._show_messages or (reviewed and not record.exc_info):
            return record.getMessage()
        # With an exception, gunicorn also logs the requested path.
        literal = reviewed and isinstance(record.msg, str)
        return str(record.msg).replace(" %s", "") if literal else OMITTED

    def _exception(self, error: BaseException | None, trace: Any) -> dict[str, Any]:
        kind = type(error)
        shown: dict[str, Any] = {
            "error": f"{kind.__module__}.{kind.__qualname__}",
            "at": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)],
        }
        return {**shown, "error_message": str(error)} if self._show_messages else shown


class JSONFormatter(LogFormatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False)


class ConsoleFormatter(LogFormatter):
    """One line of text, followed by the stack of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        shown = self.fields(record)
        places = [f"    {place}" for place in shown.pop("at", ())]
        moment, level, logger, message = (
            shown.pop(name) for name in ("time", "level", "logger", "message")
        )
        more = "".join(f" {name}={value}" for name, value in shown.items())
        return "\n".join([f"{moment} [{level.upper()}] {logger}: {message}{more}", *places])


# By the value of LOG_FORMAT.
FORMATTERS: dict[str, type[LogFormatter]] = {"json": JSONFormatter, "console": ConsoleFormatter}


# Counts requests for /metrics, by URL rule, status and seconds.
RequestObserver = Callable[[str | None, int, float], None]


class StderrHandler(logging.StreamHandler[TextIO]):
    """The handler that ``init_app`` installs. The next call replaces it."""


def init_app(
    app: Flask, *, log_format: str, show_messages: bool, observe: RequestObserver | None
) -> None:
    """Log to standard error, libraries included, and give each request an id."""
    handler = StderrHandler(cast("TextIO", wsgi_errors_stream))
    handler.setFormatter(FORMATTERS[log_format](show_messages=show_messages))
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if not isinstance(other, StderrHandler)]
    root.addHandler(handler)
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)

    @app.before_request
    def start() -> None:
        g.request_id = new_request_id()
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        route = request.url_rule.rule if request.url_rule else None
        seconds = time.perf_counter() - g.started
        _log_response(response, route, seconds)
        if observe:
            observe(route, response.status_code, seconds)
        return response


def _log_response(response: Response, route: str | None, seconds: float) -> None:
    fields = {
        "request_id": g.request_id,
        # An invented method may contain anything.
        "method": request.method if request.method in METHODS else "(other)",
        "route": route or "(none)",
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    access_log.info("request", extra=fields)


def install_exception_hooks() -> None:
    """Log uncaught exceptions and Python's warnings without their messages, which may quote a
    visitor.
    """
    logging.raiseExceptions = False  # or a record that cannot be formatted is printed in full
    warnings.showwarning = _log_warning
    sys.excepthook = _log_uncaught
    sys.unraisablehook = threading.excepthook = _log_from_hook


def new_request_id() -> str:
    return secrets.token_hex(8)


def current_request_id() -> str:
    """Return the id of the current request, or "" outside of requests."""
    return str(g.get("request_id", "")) if has_request_context() else ""


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        process_log.critical("uncaught exception", exc_info=(kind, error or kind(), trace))


def _log_from_hook(args: Any) -> None:
    _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _log_warning(
    message: Warning | str,  # noqa: ARG001
    category: type[Warning],
    filename: str,
    lineno: int,
    *_others: Any,
    **_more: Any,
) -> None:
    process_log.warning("Python warning: %s at %s:%d", category.__name__, filename, lineno)
