"""The guardian: a small process between gunicorn's master and one mailer.

    gunicorn master ── guardian ── mailer

It starts the mailer, starts it again when it dies, and ends with the master
however that ends, ``kill -9`` included. The web never stops because the
mailer died. A reload (SIGHUP) ends the old mailer before it starts the new
one. The mailer in turn ends when the guardian is gone, so nobody is orphaned.

Both are forks of the master, which has loaded the site: they share its memory
(docs/decisions/0013-the-mailer-is-forked.md). The guardian itself never asks
the database, opens a connection or starts a thread, so its forks are clean.
"""

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial

from app.outbox.child import Child

log = logging.getLogger("frontdesk.guardian")

PAUSES = (1, 2, 4, 8, 16, 32, 60)  # seconds before the next start, longer after each failure
HEALTHY = 60.0  # seconds of life after which a death counts as the first one again
PATIENCE = 30.0  # seconds; a mailer past the final dot needs up to 25
PARENT_CHECK = 0.5  # seconds


class Event(Enum):
    """What ends the waiting for a mailer."""

    DIED = "died"
    RELOAD = "reload"
    STOP = "stop"


@dataclass(frozen=True)
class Work:
    """What is done in processes of their own: ``run(owner, parent)`` sends until told to stop
    or until the process ``parent`` is gone, ``release(owner)`` frees what a dead one held.
    """

    run: Callable[[str, int], object]
    release: Callable[[str], object]


class Signals:
    """Signals as something to wait for; SIGCHLD ends the waiting early too."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float) -> set[int]:
        """The numbers of the signals that came, at most ``seconds`` later."""
        select.select([self._reader], [], [], seconds)
        with suppress(BlockingIOError):
            return set(self._reader.recv(4096))
        return set()


class Guardian:
    """Keeps one mailer alive for as long as the process ``parent`` lives."""

    def __init__(self, parent: int, work: Work) -> None:
        self._parent = parent
        self._work = work
        self._signals = Signals()

    def keep(self) -> None:
        """Return when the parent is gone or SIGTERM came; the mailer has ended then."""
        failures = 0
        while os.getppid() == self._parent:
            owner = f"{socket.gethostname()[:40]}-{os.urandom(4).hex()}"
            born = time.monotonic()
            event = self._guard(owner)
            if event is Event.DIED:
                failures = 0 if time.monotonic() - born >= HEALTHY else failures
                event = self._pause(owner, PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
            if event is Event.STOP:
                return

    def _guard(self, owner: str) -> Event:
        """The life of one mailer. It has ended when this returns."""
        mailer = Child("mailer", partial(self._work.run, owner, os.getpid()))
        event = self._wait(lambda: mailer.poll() is not None)
        if event is Event.DIED:
            log.warning("the mailer %s died (exit status %s)", owner, mailer.poll())
            return event
        if mailer.end(PATIENCE) == -signal.SIGKILL:
            self._release(owner).finish(PATIENCE)
        return event

    def _pause(self, owner: str, seconds: float) -> Event:
        """Release what the dead mailer held, and let ``seconds`` pass meanwhile."""
        release = self._release(owner)
        until = time.monotonic() + seconds
        event = self._wait(lambda: time.monotonic() >= until)
        if release.finish(PATIENCE) != 0:
            log.error("the leases of %s are not released; they will run out", owner)
        return event

    def _release(self, owner: str) -> Child:
        return Child("release", partial(self._work.release, owner))

    def _wait(self, over: Callable[[], bool]) -> Event:
        """DIED once ``over`` says so, or what happened before that."""
        while not over():
            came = self._signals.wait(PARENT_CHECK)
            if os.getppid() != self._parent or came & {signal.SIGTERM, signal.SIGINT}:
                return Event.STOP
            if signal.SIGHUP in came:
                return Event.RELOAD
        return Event.DIED
