"""What becomes of a request that has come whole: gunicorn's parser, the application, the answer.

Nothing here waits for a client: bytes in, bytes out, and what of them is not sent yet.
"""

import errno
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.http.errors import NoMoreData  # type: ignore[import-untyped]
from gunicorn.http.wsgi import Response  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from app.web.front import GIVE
from app.web.refusal import refusal, status_of
from app.web.waiting import Connection

Part = bytes | memoryview
MOST_PARTS = 1024  # IOV_MAX: with more, a system call sends nothing


class Served(NamedTuple):
    """Whether the connection goes on, and what of the answer it had no room for."""

    goes_on: bool
    unsent: list[Part]


class Gathered:
    """In place of a connection and its socket: what gunicorn sends is put aside."""

    def __init__(self, one: Connection) -> None:
        self.sock, self.client, self.server = self, one.client, one.server
        self.parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.parts.append(data)

    send = sendall

    def shutdown(self, _how: int) -> None:
        """So gunicorn gives up an answer half-way; of this one nothing is sent yet."""
        self.parts[:] = [refusal(500)]
        raise OSError(errno.ENOTCONN, "no socket")

    def close(self) -> None:
        """Nothing is open here."""


Answer = Callable[[Any, Gathered], bool]


class Prompt(Response):  # type: ignore[misc]
    """An answer of gunicorn's that also takes headers which were put together before."""

    def give(self, status: str, head: bytes, length: int | None) -> None:
        """Instead of ``start_response``: lines of headers, and the ``length`` of the body."""
        self.status, self.status_code = status, int(status[:3])
        self.response_length = length
        first = "".join(self.default_headers()).encode("latin-1")
        self.sock.sendall(first + head + b"\r\n")
        self.headers_sent = True


class Answering(ThreadWorker):  # type: ignore[misc]
    """The part of the worker that knows HTTP and the application."""

    def answer(self, one: Connection) -> Served:
        """Answer the request of ``one`` as gunicorn does, however long it takes."""
        return self._serve(one, self.handle_request)

    def answer_promptly(self, one: Connection) -> Served:
        """The same without gunicorn's hooks, and with the short way for kept answers."""
        return self._serve(one, self._handle_promptly)

    def _serve(self, one: Connection, answer: Answer) -> Served:
        gathered = Gathered(one)
        try:
            goes_on = self._goes_on(one, answer, gathered)
            return Served(goes_on, send_at_once(one.sock, gathered.parts))
        except OSError as error:  # whoever asked is gone
            self.log.debug("answer not taken: %s", error)
            return Served(goes_on=False, unsent=[])

    def _goes_on(self, one: Connection, answer: Answer, to: Gathered) -> bool:
        request = None
        try:
            request = next(one.parser)
            goes_on = self._keepalive_after(one, answer(request, to))
        except (NoMoreData, StopIteration):
            return False
        except Exception as error:  # noqa: BLE001 - whatever it was, there is an answer
            to.parts.clear()  # of one that was begun nothing is sent yet
            self.handle_error(request, to, to.client, error)
            return False
        return goes_on and not one.received.short

    def _handle_promptly(self, request: Any, to: Gathered) -> bool:
        answer, environ = wsgi.create(request, to, to.client, to.server, self.cfg, Prompt)
        environ |= {"wsgi.multithread": True, GIVE: answer.give}
        if not self.alive or not self.cfg.keepalive:
            answer.force_close()
        parts = self.wsgi(environ, answer.start_response)
        try:
            for part in parts:
                answer.write(part)
            answer.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()
        return not answer.should_close()

    def handle_error(self, _request: Any, sock: Any, _address: Any, error: Exception) -> None:
        """Say what is wrong with a request, repeating nothing of it, there or in the log."""
        status = status_of(error)
        if status == 500:
            self.log.error("a request failed: %s", type(error).__name__)
        with suppress(OSError):
            sock.sendall(refusal(status))


def send_at_once(sock: socket.socket, parts: Sequence[Part]) -> list[Part]:
    """Send ``parts`` in one go without waiting; those that found no room, uncopied.

    Raises OSError when the client is gone.
    """
    try:
        sent = sock.sendmsg(parts[:MOST_PARTS], (), socket.MSG_DONTWAIT)
    except BlockingIOError:
        sent = 0
    for number, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[number + 1 :]]
        sent -= len(part)
    return []
