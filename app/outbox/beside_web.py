"""The mailer's guardian as gunicorn's master sees it: started, revived, reloaded, ended."""

import os
import signal
import time
from typing import Any

from app.outbox.child import Child
from app.outbox.guardian import PATIENCE, Guardian, Work

REST = 1.0  # seconds from one guardian's start to the next one's


class MailerBesideWeb:
    """Keeps a guardian (see guardian.py) for as long as the gunicorn ``server`` serves."""

    def __init__(self, server: Any, work: Work) -> None:
        self._server = server
        self._work = work
        self._start()
        # Gunicorn has no hook for it: it looks after its workers once a second, and at once
        # when a child died. A thread of ours would make each of its forks a gamble.
        look_after_workers = server.manage_workers

        def look_after_all() -> None:
            look_after_workers()
            self._look()

        server.manage_workers = look_after_all

    def reload(self) -> None:
        """Let the mailer be replaced, the old one ending first."""
        self._guardian.tell(signal.SIGHUP)

    def end(self) -> None:
        """Return when guardian and mailer have ended, at most half a minute later."""
        self._guardian.end(2 * PATIENCE)

    def _look(self) -> None:
        if self._guardian.poll() is None or time.monotonic() < self._born + REST:
            return
        self._server.log.warning("the mailer's guardian died; it is started again")
        try:
            self._start()
        except OSError as error:  # no process or memory to be had: the web goes on, we try again
            self._server.log.error("the mailer's guardian cannot start: %s", error.strerror)

    def _start(self) -> None:
        master = os.getpid()
        self._born = time.monotonic()
        self._guardian = Child("guardian", lambda: self._guard(master))

    def _guard(self, master: int) -> None:
        """In the child. The door is the web's: who holds it open keeps others from it."""
        for listener in self._server.LISTENERS:
            listener.close()
        for worker in self._server.WORKERS.values():
            worker.tmp.close()
        Guardian(master, self._work).keep()
