"""A gunicorn worker whose threads never wait for a client.

gunicorn's threaded worker gives a connection to a thread at its first byte.
Eight clients that send slowly then hold the eight threads of a site, and a
client that does not close when told holds up the loop that accepts. Here the
loop itself collects each request, and a thread gets it when it has come whole;
see docs/decisions/0012-requests-come-whole.md.
"""

import errno
import socket
import struct
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import NoMoreData  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from app.web.arrival import Arrival, Verdict
from app.web.refusal import refusal, status_of
from app.web.waiting import Connection, Room

# When the server stops: seconds for a request that is on its way, and for one that may be.
LAST_ARRIVING, LAST_IDLE = 5.0, 1.0
AT_ONCE = 64 * 1024  # bytes
# Room for the longest answer, a script of 150 kB: no thread waits for a slow reader …
SEND_BUFFER = 512 * 1024  # bytes
SENDING = 20  # seconds; … and should it not fit, not longer than this
PASSING = (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR)


class Reception(ThreadWorker):  # type: ignore[misc]
    """``worker_class`` of gunicorn.conf.py."""

    ARRIVING = 60.0  # seconds for a whole request, from the connection's or its own beginning
    LEAVING = 5.0  # seconds for a client to read its last answer and close
    MOST_HELD = 32 * 1024 * 1024  # bytes of requests that have not come whole, in one process

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.arriving = Room(self.ARRIVING)
        self.idle = Room(self.cfg.keepalive)
        self.leaving = Room(self.LEAVING)
        self._held = 0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            log.error("TLS is the business of a web server in front; remove certfile and keyfile")
            raise SystemExit(78)

    def run(self) -> None:
        for listener in self.sockets:  # connections inherit these
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            limit = struct.pack("ll", SENDING, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        super().run()

    # What the loop does.

    def accept(self, listener: Any) -> None:
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in PASSING:
                self._make_room()  # most likely too many open files
            return
        sock.setblocking(True)
        one = Connection(self.cfg, sock, client, listener.getsockname())
        one.readable = partial(self._read, one)
        self.nr_conns += 1
        self._wait(one, self.arriving)
        self._read(one)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _read(self, one: Connection, _sock: Any = None) -> None:
        if one.room is None:
            return  # closed in this same round of the loop
        try:
            data = one.sock.recv(AT_ONCE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(one)
        elif one.room is not self.leaving:
            self._take(one, data)

    def _take(self, one: Connection, data: bytes) -> None:
        """``data`` came: a request begins, goes on, or is whole."""
        one.arrival = one.arrival or Arrival()
        self._held += len(data)
        verdict = one.arrival.add(data)
        if verdict is Verdict.COME:
            one.received.put(bytes(one.arrival.received))
            self._forget(one)
            self.enqueue_req(one)
        elif verdict is Verdict.HEAD_TOO_LONG:
            self._refuse(one, 431)
        else:
            self._wait(one, self.arriving)
            self._go_on(one)

    def _go_on(self, one: Connection) -> None:
        if one.arrival and one.arrival.expects:
            one.arrival.expects = False
            self._say(one, b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._held > self.MOST_HELD:
            self._refuse(max(self.arriving, key=lambda other: other.held), 503)

    def finish_request(self, one: Connection, done: "Future[bool]") -> None:
        """A thread has answered: the next request, the wait for one, or the end."""
        if done.cancelled() or done.exception() or not done.result():
            self._leave(one)
        elif rest := one.received.rest():
            self._take(one, rest)
        else:
            self._wait(one, self.idle)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's
        for room in (self.idle, self.leaving):
            for one in list(room) if force else room.overdue():
                self._drop(one)

    def murder_pending(self) -> None:
        for one in self.arriving.overdue():
            if one.arrival:
                self._refuse(one, 408)
            else:
                self._drop(one)

    def _cap_keepalive(self, _deadline: float) -> None:
        """The server stops: whoever waits has little time left."""
        self.arriving.hurry(LAST_ARRIVING)
        self.idle.hurry(LAST_IDLE)

    def _wait(self, one: Connection, room: Room) -> None:
        if one.room is room:
            return
        if one.room:
            one.room.remove(one)
        else:
            self.poller.register(one.sock, EVENT_READ, one.readable)
        room.add(one)

    def _forget(self, one: Connection) -> None:
        """It waits no longer, and what came of its request is no longer held."""
        if one.room:
            one.room.remove(one)
            self.poller.unregister(one.sock)
        self._held -= one.held
        one.arrival = None

    def _refuse(self, one: Connection, status: int) -> None:
        self._say(one, refusal(status))
        self._leave(one)

    def _leave(self, one: Connection) -> None:
        """Close once the client has: what it still sends would make it lose the answer."""
        self._held -= one.held
        one.arrival = None
        try:
            one.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(one)
        else:
            self._wait(one, self.leaving)

    def _drop(self, one: Connection) -> None:
        self._forget(one)
        self.nr_conns -= 1
        util.close(one.sock)

    def _make_room(self) -> None:
        """Whoever has waited longest goes: a client that is not slow never waits for long."""
        for room in (self.leaving, self.idle, self.arriving):
            for one in room:
                self._drop(one)
                return

    def _say(self, one: Connection, words: bytes) -> None:
        with suppress(OSError):
            one.sock.send(words, socket.MSG_DONTWAIT)

    # What a thread does.

    def handle(self, one: Connection) -> bool:
        """Answer the request of ``one``; whether the connection may go on."""
        request = None
        try:
            request = next(one.parser)
            goes_on = self._keepalive_after(one, self.handle_request(request, one))
        except (NoMoreData, StopIteration):
            return False
        except OSError as error:  # whoever asked is gone or does not read
            self.log.debug("answer not taken: %s", error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it was, there is an answer
            self.handle_error(request, one.sock, one.client, error)
            return False
        return goes_on and not one.received.short

    def handle_error(self, _request: Any, sock: Any, _address: Any, error: Exception) -> None:
        """Say what is wrong with a request, repeating nothing of it, there or in the log."""
        status = status_of(error)
        if status == 500:
            self.log.error("a request failed: %s", type(error).__name__)
        with suppress(OSError):
            sock.sendall(refusal(status))
