"""Answers given in front of Flask: pages and files that stay as they are for this minute.

Flask answers each of them first. When a view took its answer from a
``Representation``, that whole answer, headers included, is kept and given
again until the minute ends, for the opening status may change with the next
one. So nothing here decides what an answer looks like. Whatever is not kept
(POST, errors, other queries, unusual conditions) goes to Flask.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.http import is_entity_header

from app.web.cache import KEEP, coding_for
from app.web.later import Later
from app.web.log_lines import AccessLine
from app.web.logs import new_request_id
from app.web.trusted_hosts import host_is_trusted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
Key = tuple[str, str, str, str | None]  # scheme, path, query, content coding
# In the environ of a server that takes (status, lines of headers, length) in place of the
# call of ``start_response``: to check and join thirteen headers takes longer than all of this.
GIVE = "frontdesk.give"
STATUS = {200: "200 OK", 304: "304 NOT MODIFIED"}
# The only query that is kept: one that names the bytes, so each path has one at most.
FINGERPRINT = re.compile(r"v=[0-9a-f]+")


@dataclass(frozen=True)
class Answer:
    """What Flask answered, and what it would answer to a client that has it already."""

    headers: Headers
    body: bytes
    route: str
    etag: str
    headers_304: Headers
    head: bytes
    head_304: bytes


@dataclass
class Shelf:
    """What is kept in one ``minute`` since 1970, and the targets that requests for it name."""

    minute: int
    answers: dict[Key, Answer] = field(default_factory=dict)
    targets: set[bytes] = field(default_factory=set)


class Front:
    """A WSGI application around another one. Threads may share it: a lost race costs a look-up."""

    def __init__(self, app: Flask, access_line: AccessLine) -> None:
        self._app: WSGIApplication = app.wsgi_app
        self._config = app.config
        self._access_line = access_line
        self._log = Later()
        self._shelf = Shelf(0)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD") or environ.get("SCRIPT_NAME"):
            return self._app(environ, start_response)
        shelf, key = self._this_minutes(), _key(environ)
        answer = shelf.answers.get(key)
        condition = environ.get("HTTP_IF_NONE_MATCH")
        if answer is None or (condition and condition != answer.etag) or "HTTP_IF_MATCH" in environ:
            return self._app(environ, _noting(start_response, shelf, key, environ))
        if not host_is_trusted(environ.get("HTTP_HOST"), self._config["TRUSTED_HOSTS"]):
            return self._app(environ, start_response)
        status = 304 if condition else 200
        request_id = new_request_id()
        if give := environ.get(GIVE):
            head = answer.head_304 if condition else answer.head
            length = None if condition else len(answer.body)
            give(STATUS[status], b"%bX-Request-Id: %b\r\n" % (head, request_id.encode()), length)
        else:
            headers = answer.headers_304 if condition else answer.headers
            start_response(STATUS[status], [*headers, ("X-Request-Id", request_id)])
        line = self._access_line(method, request_id, answer.route, status, began)
        if environ["wsgi.multithread"]:
            self._log.put(line)
        else:
            environ["wsgi.errors"].write(line)
        return [] if condition or method == "HEAD" else [answer.body]

    def keeps(self, request: bytes) -> bool:
        """Whether ``request``, as it came, asks for what is kept: whatever the answer to it,
        it is at hand, or Flask makes it from what is in memory.
        """
        return (
            request.startswith(b"GET ")
            and request[4 : request.find(b" ", 4)] in self._this_minutes().targets
        )

    def _this_minutes(self) -> Shelf:
        """Who asks late stores on the shelf of its own minute."""
        minute = int(time.time()) // 60
        if self._shelf.minute != minute:
            self._shelf = Shelf(minute)
        return self._shelf


def init_front(app: Flask, access_line: AccessLine) -> None:
    front = app.extensions["front"] = Front(app, access_line)
    app.wsgi_app = front  # type: ignore[method-assign]


def _key(environ: "WSGIEnvironment") -> Key:
    coding = coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
    query = environ.get("QUERY_STRING", "")
    return environ["wsgi.url_scheme"], environ["PATH_INFO"], query, coding


def _noting(
    start_response: "StartResponse",
    shelf: Shelf,
    key: Key,
    environ: "WSGIEnvironment",
) -> "StartResponse":
    """``start_response`` that puts aside the headers of an answer that may be kept."""

    def noting(status: str, headers: Headers, *exc_info: Any) -> Any:
        if environ["REQUEST_METHOD"] == "GET" and status == "200 OK" and KEEP in environ:
            _keep(shelf, key, headers, *environ[KEEP])
        return start_response(status, headers, *exc_info)

    return noting


def _keep(shelf: Shelf, key: Key, headers: Headers, body: bytes, route: str) -> None:
    found = dict(headers)
    _, path, query, _ = key
    named = FINGERPRINT.fullmatch(query) and "immutable" in found["Cache-Control"]
    if (query and not named) or found["Content-Length"] != str(len(body)):
        return
    headers = [one for one in headers if one[0] != "X-Request-Id"]
    headers_304 = [one for one in headers if not is_entity_header(one[0])]
    shelf.answers[key] = Answer(
        headers, body, route, found["ETag"], headers_304, _joined(headers), _joined(headers_304)
    )
    # As nearly every client spells it; there are many other ways.
    shelf.targets.add((f"{path}?{query}" if query else path).encode("latin-1"))


def _joined(headers: Headers) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
