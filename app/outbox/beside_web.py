"""The mailer's guardian as gunicorn's master sees it: started, revived, reloaded, ended."""

import os
import signal
import subprocess
import sys
import threading
from logging import Logger
from pathlib import Path

REST = 1.0  # seconds between the guardian's death and the next one
GUARDIAN = Path(__file__).with_name("guardian.py")


class MailerBesideWeb:
    """Keeps a guardian (see guardian.py) for as long as this process serves.

    Gunicorn's master reaps every child, ours too; ``wait`` copes with that.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._leaving = threading.Event()
        # A worker forked while a guardian is being started would hold a copy of the
        # pipe that Popen reads until its end: it would wait for that worker's whole life.
        self._starting = threading.Lock()
        os.register_at_fork(
            before=self._starting.acquire,
            after_in_parent=self._starting.release,
            after_in_child=self._starting.release,
        )
        self._guardian = self._start()
        threading.Thread(target=self._revive, name="mailer-guardian", daemon=True).start()

    def reload(self) -> None:
        """Let the mailer be replaced, the old one ending first."""
        self._guardian.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """Return when guardian and mailer have ended, at most half a minute later."""
        self._leaving.set()
        self._guardian.terminate()
        self._guardian.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        # In a session of its own: a Ctrl-C reaches the master, which passes it on in order.
        # -S and -I leave out all but the standard library and hide this folder's queue.py.
        command = [sys.executable, "-I", "-S", str(GUARDIAN), str(os.getpid())]
        with self._starting:
            return subprocess.Popen(command, start_new_session=True)  # noqa: S603  (ours)

    def _revive(self) -> None:
        while True:
            self._guardian.wait()
            if self._leaving.wait(REST):
                return
            self._log.warning("the mailer's guardian died; it is started again")
            self._guardian = self._start()
