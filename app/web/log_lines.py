"""What a log line holds, and its two shapes: JSON for programs, text for people.

Nothing that a visitor wrote or asked for comes in. Only what is named here of a
record is shown; an exception is shown by its type and the places it passed, for
its message may quote a visitor; and of a library that we do not know, only where
it spoke. ``show_messages`` (development) shows those words too.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from typing import Any

# Whose messages are shown: ours, and those of libraries that we looked through.
KNOWN = frozenset(("frontdesk", "app", "gunicorn", "alembic", "flask-limiter"))
FIELDS = ("reference", "outcome", "code")  # of ``extra``, in this order
LEFT_OUT = "(words of a library, left out)"

Shown = dict[str, Any]
AccessLine = Callable[[str, str, str | None, int, float], str]


class Line(logging.Formatter):
    """A log record as one line; ``request_id`` asks for that of the request under way."""

    def __init__(
        self, *, show_messages: bool = False, request_id: Callable[[], str] = lambda: ""
    ) -> None:
        super().__init__()
        self._show_messages = show_messages
        self._request_id = request_id

    def shown(self, record: logging.LogRecord) -> Shown:
        """What is told of ``record`` beside its time."""
        known = record.name.partition(".")[0] in KNOWN
        told: Shown = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record, known=known),
        }
        fields = record.__dict__
        if request_id := fields.get("request_id") or self._request_id():
            told["request_id"] = request_id
        told |= {name: fields[name] for name in FIELDS if fields.get(name) is not None}
        if record.exc_info and record.exc_info[0]:
            told |= self._exception(record.exc_info[1], record.exc_info[2])
        elif not known:
            told["at"] = [f"{record.pathname}:{record.lineno} {record.funcName}"]
        return told

    def _message(self, record: logging.LogRecord, *, known: bool) -> str:
        if self._show_messages or (known and not record.exc_info):
            return record.getMessage()
        # With an exception gunicorn also tells the address that was asked for.
        literal = known and isinstance(record.msg, str)
        return str(record.msg).replace(" %s", "") if literal else LEFT_OUT

    def _exception(self, error: BaseException | None, trace: Any) -> Shown:
        kind = type(error)
        told: Shown = {
            "error": f"{kind.__module__}.{kind.__qualname__}",
            "at": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)],
        }
        return {**told, "error_message": str(error)} if self._show_messages else told


class JsonLine(Line):
    """One JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": moment(record.created), **self.shown(record)}
        return json.dumps(told, ensure_ascii=False)


class ConsoleLine(Line):
    """A line of text; an exception takes further lines."""

    def format(self, record: logging.LogRecord) -> str:
        told = self.shown(record)
        places = [f"    {place}" for place in told.pop("at", ())]
        level, logger, message = told.pop("level"), told.pop("logger"), told.pop("message")
        more = "".join(f" {name}={value}" for name, value in told.items())
        first = f"{moment(record.created)} [{level.upper()}] {logger}: {message}{more}"
        return "\n".join([first, *places])


def json_access(method: str, request_id: str, route: str | None, status: int, began: float) -> str:
    """The line of one request, which began at ``perf_counter()`` ``began``."""
    return (
        f'{{"time": "{moment(time.time())}", "level": "info", "logger": "frontdesk.access",'
        f' "message": "request", "request_id": "{request_id}", "method": {_quoted(method)},'
        f' "route": {_quoted(route)}, "status": {status}, "ms": {_milliseconds(began)}}}\n'
    )


def console_access(
    method: str, request_id: str, route: str | None, status: int, began: float
) -> str:
    """The same for people."""
    where = f"{method} {route or '(no page)'} {status} {_milliseconds(began)} ms"
    return f"{moment(time.time())} [INFO] frontdesk.access: {where} request_id={request_id}\n"


# By the value of LOG_FORMAT.
LINES: dict[str, type[Line]] = {"json": JsonLine, "console": ConsoleLine}
ACCESS: dict[str, AccessLine] = {"json": json_access, "console": console_access}


def moment(seconds: float) -> str:
    """``seconds`` since 1970 as ISO 8601, UTC, to the millisecond."""
    milliseconds = int(seconds * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


def _milliseconds(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.1f}"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=256)  # methods and route rules are few
def _quoted(word: str | None) -> str:
    return json.dumps(word)
