"""One JSON object a line to standard error: what happened, never who asked what.

A request's line has its id, method, route rule, status and milliseconds. The
raw path, the query, the body and the visitor's address are left out: on a
health site they say who is looking for what.
"""

import json
import logging
import secrets
import time
import traceback
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO, cast

from flask import Flask, Response, g, has_request_context, request
from flask.logging import wsgi_errors_stream

LEVELS = {
    "frontdesk": logging.INFO,
    "app": logging.INFO,
    "flask-limiter": logging.WARNING,  # below that it tells addresses
}


class JsonLines(logging.Formatter):
    """A log record as one line of JSON.

    An exception is shown by its type and the places it passed. Its message is
    left out unless ``show_messages``, for it may quote what a visitor wrote.
    """

    def __init__(self, *, show_messages: bool) -> None:
        super().__init__()
        self.show_messages = show_messages

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and (request_id := g.get("request_id")):
            line["request_id"] = request_id
        if record.exc_info and record.exc_info[0]:
            line |= self._exception(*record.exc_info)
        return json.dumps(line, ensure_ascii=False)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"

    def _exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> dict[str, object]:
        shown: dict[str, object] = {
            "error": f"{kind.__module__}.{kind.__qualname__}",
            "at": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)],
        }
        return {**shown, "error_message": str(error)} if self.show_messages else shown


def init_logs(app: Flask, *, show_messages: bool) -> None:
    """Log to standard error and give each request an id of our own."""
    handler = logging.StreamHandler(cast("TextIO", wsgi_errors_stream))
    handler.setFormatter(JsonLines(show_messages=show_messages))
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
    app.before_request(_begin)
    app.after_request(_log_request)


def new_request_id() -> str:
    return secrets.token_hex(8)


def access_line(method: str, request_id: str, route: str | None, status: int, began: float) -> str:
    """The line of one request, which began at ``perf_counter()`` ``began``."""
    milliseconds = (time.perf_counter() - began) * 1000
    return (
        f'{{"time": "{_now()}", "level": "info", "logger": "frontdesk.access",'
        f' "message": "request", "request_id": "{request_id}", "method": {json.dumps(method)},'
        f' "route": {json.dumps(route)}, "status": {status}, "ms": {milliseconds:.1f}}}\n'
    )


def _now() -> str:
    milliseconds = time.time_ns() // 1_000_000
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _begin() -> None:
    g.request_id = new_request_id()
    g.began = time.perf_counter()


def _log_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    route = request.url_rule.rule if request.url_rule else None
    line = access_line(request.method, g.request_id, route, response.status_code, g.began)
    request.environ["wsgi.errors"].write(line)
    return response
