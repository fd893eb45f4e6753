"""Connections that no thread is busy with."""

import socket
import time
from collections.abc import Iterator
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]
from gunicorn.http.unreader import Unreader  # type: ignore[import-untyped]

from app.web.arrival import Arrival


class Received(Unreader):  # type: ignore[misc]
    """Gives the parser what has come, never the socket: it cannot wait for more."""

    MOST_AT_ONCE = 8192  # bytes; the parser copies what it has not used yet at every chunk

    def __init__(self) -> None:
        super().__init__()
        self._data, self._at = b"", 0
        self.short = False  # the parser wanted more: where the next request begins is unknown

    def put(self, data: bytes) -> None:
        """Hand over a request, after the one before it was answered; or let go of that."""
        self._data, self._at = data, 0

    @property
    def size(self) -> int:
        """Bytes of what was handed over."""
        return len(self._data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        end = self._at + max(self.MOST_AT_ONCE, size_hint or 0)
        piece = self._data[self._at : end]
        self._at = end
        self.short = self.short or not piece
        return piece

    def rest(self) -> bytes:
        """What came behind the request: the beginning of the next one."""
        rest: bytes = self.take_buffered()
        return rest + self._data[self._at :]


class Connection:
    """One client."""

    __slots__ = ("arrival", "client", "goes_on", "parser", "received", "room", "server", "sock",
                 "unsent")  # fmt: skip

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        self.sock, self.client, self.server = sock, client, server
        self.received = Received()
        self.parser = RequestParser(cfg, (), client)
        self.parser.unreader = self.received
        self.arrival: Arrival | None = None  # of a request that has begun
        self.room: Room | None = None  # where it waits
        # Of an answer: parts that the client has not taken yet, and whether more may follow.
        self.unsent: list[bytes | memoryview] = []
        self.goes_on = True

    @property
    def held(self) -> int:
        """The bytes of its request, while that comes and while it is answered."""
        return len(self.arrival.received) if self.arrival else self.received.size


class Room:
    """Connections that wait for the same ``event``, each for ``seconds``, the oldest first."""

    def __init__(self, seconds: float, event: int = EVENT_READ) -> None:
        self._seconds = seconds
        self.event = event
        self._until: dict[Connection, float] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._until)

    def add(self, one: Connection) -> None:
        self._until[one] = time.monotonic() + self._seconds
        one.room = self

    def remove(self, one: Connection) -> None:
        del self._until[one]
        one.room = None

    def hurry(self, seconds: float) -> None:
        """Nobody waits longer than ``seconds`` from now."""
        self._seconds = min(self._seconds, seconds)
        latest = time.monotonic() + seconds
        self._until = {one: min(until, latest) for one, until in self._until.items()}

    def overdue(self) -> list[Connection]:
        """Those whose time is up."""
        now, found = time.monotonic(), []
        for one, until in self._until.items():
            if until > now:
                break
            found.append(one)
        return found
