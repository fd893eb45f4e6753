"""A gunicorn worker whose threads never wait for a client.

gunicorn's threaded worker gives a connection to a thread at its first byte.
Eight clients that send slowly then hold the eight threads of a site, and a
client that does not close when told holds up the loop that accepts. Here the
loop itself collects each request, and a thread gets it when it has come whole.
Kept pages the loop answers itself. See docs/decisions/0012-requests-come-whole.md.
"""

import errno
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_WRITE
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]

from app.web.answering import Answering, Part, Served, send_at_once
from app.web.arrival import Arrival, Verdict
from app.web.refusal import refusal
from app.web.waiting import Connection, Room

# When the server stops: seconds for a request that is on its way, and for one that may be.
LAST_ARRIVING, LAST_IDLE = 5.0, 1.0
AT_ONCE = 64 * 1024  # bytes
SEND_BUFFER = 512 * 1024  # bytes; the longest answer, a script of 150 kB, is sent in one go
PAUSE = 0.01  # seconds
POLITE = 0.0001  # seconds; without, 8 clients at once were half the time all one worker's
A_SHARE = 16  # for so many connections one more is accepted in a round of the loop
NOT_SERVED = Served(goes_on=False, unsent=[])
PASSING = (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR)


class Reception(Answering):
    """``worker_class`` of gunicorn.conf.py."""

    ARRIVING = 60.0  # seconds for a whole request, from the connection's or its own beginning
    TAKING = 20.0  # seconds without taking anything of an answer
    LEAVING = 5.0  # seconds for a client to read its last answer and close
    MOST_HELD = 32 * 1024 * 1024  # bytes of requests, coming or being answered, in one process

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.arriving = Room(self.ARRIVING)
        self.idle = Room(self.cfg.keepalive)
        self.taking = Room(self.TAKING, EVENT_WRITE)
        self.leaving = Room(self.LEAVING)
        self._held = 0
        self._front: Any = None

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            log.error("TLS is the business of a web server in front; remove certfile and keyfile")
            raise SystemExit(78)

    def run(self) -> None:
        for listener in self.sockets:  # connections inherit these
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._front = getattr(self.wsgi, "extensions", {}).get("front")
        super().run()

    # What the loop does.

    def accept(self, listener: Any) -> None:
        """The more there are, the longer a round of the loop takes, and the more it accepts;
        where there are few, one at a time. Who has some lets a worker that has none go first.
        """
        if self.nr_conns:
            time.sleep(POLITE)
        for _ in range(1 + self.nr_conns // A_SHARE):
            if not self._accept_one(listener):
                break

    def _accept_one(self, listener: Any) -> bool:
        """Whether the next may be accepted, too."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in PASSING and not self._make_room():
                time.sleep(PAUSE)  # most likely too many open files, and threads have them all
            return False
        sock.setblocking(True)
        one = Connection(self.cfg, sock, client, listener.getsockname())
        self.nr_conns += 1
        self._wait(one, self.arriving)
        self._read(one)
        return self.nr_conns < self.worker_connections or self._make_room()

    def _ready(self, one: Connection, _sock: Any) -> None:
        if one.room is None:
            return  # closed in this same round of the loop
        if one.room is self.taking:
            self._send_on(one)
        else:
            self._read(one)

    def _read(self, one: Connection) -> None:
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
            self._come(one, one.arrival)
        elif verdict is Verdict.HEAD_TOO_LONG:
            self._refuse(one, 431)
        else:
            if one.room is not self.arriving:
                self._wait(one, self.arriving)
            self._go_on(one)

    def _come(self, one: Connection, arrival: Arrival) -> None:
        """A request is whole: a thread answers it, or the loop when nothing can take long."""
        request = bytes(arrival.received)
        one.received.put(request)
        one.arrival = None
        if self._front and not arrival.has_body and self._front.keeps(request):
            self._served(one, *self.answer_promptly(one))
        else:
            self._forget(one)
            done = self.tpool.submit(self.answer, one)
            done.add_done_callback(partial(self.method_queue.defer, self.finish_request, one))

    def finish_request(self, one: Connection, done: "Future[Served]") -> None:
        """A thread is through with it."""
        failed = done.cancelled() or done.exception()
        self._served(one, *(NOT_SERVED if failed else done.result()))

    def _served(self, one: Connection, goes_on: bool, unsent: list[Part]) -> None:  # noqa: FBT001
        """The rest of the answer, the next request, the wait for one, or the end."""
        one.goes_on, one.unsent = goes_on, unsent
        if unsent:
            self._wait(one, self.taking)
            return
        more = one.received.rest()
        self._let_go(one)
        if not goes_on:
            self._leave(one)
        elif more:
            self._forget(one)
            # Others first: a client may send a hundred requests in one go.
            self.method_queue.defer(self._take, one, more)
        else:
            self._wait(one, self.idle)

    def _send_on(self, one: Connection) -> None:
        try:
            unsent = send_at_once(one.sock, one.unsent)
        except OSError:
            self._drop(one)
        else:
            self._served(one, one.goes_on, unsent)

    def _go_on(self, one: Connection) -> None:
        if one.arrival and one.arrival.expects:
            one.arrival.expects = False
            self._say(one, b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._held > self.MOST_HELD:
            self._refuse(max(self.arriving, key=lambda other: other.held), 503)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's
        for room in (self.idle, self.taking, self.leaving):
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
        self.taking.hurry(LAST_ARRIVING)
        self.idle.hurry(LAST_IDLE)

    def _wait(self, one: Connection, room: Room) -> None:
        """Let ``one`` wait in ``room``, from now on."""
        if not one.room:
            # Kept by the poller alone: a connection that led to itself would stay after its end.
            self.poller.register(one.sock, room.event, partial(self._ready, one))
        else:
            if one.room.event != room.event:
                self.poller.modify(one.sock, room.event, partial(self._ready, one))
            one.room.remove(one)
        room.add(one)

    def _forget(self, one: Connection) -> None:
        """It waits no longer."""
        if one.room:
            one.room.remove(one)
            self.poller.unregister(one.sock)

    def _let_go(self, one: Connection) -> None:
        """Of its request: a connection that rests or leaves holds none."""
        self._held -= one.held
        one.arrival = None
        one.received.put(b"")

    def _refuse(self, one: Connection, status: int) -> None:
        self._say(one, refusal(status))
        self._leave(one)

    def _leave(self, one: Connection) -> None:
        """Close once the client has: what it still sends would make it lose the answer."""
        self._let_go(one)
        try:
            one.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(one)
        else:
            self._wait(one, self.leaving)

    def _drop(self, one: Connection) -> None:
        self._forget(one)
        self._let_go(one)
        self.nr_conns -= 1
        util.close(one.sock)

    def _make_room(self) -> bool:
        """Whoever has waited longest goes: a client that is not slow never waits for long.
        Whether somebody went.
        """
        for room in (self.leaving, self.idle, self.taking, self.arriving):
            for one in room:
                self._drop(one)
                return True
        return False

    def _say(self, one: Connection, words: bytes) -> None:
        with suppress(OSError):
            one.sock.send(words, socket.MSG_DONTWAIT)
