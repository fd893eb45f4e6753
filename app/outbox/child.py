"""A process that goes on with what this one has loaded, and shares its memory."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

LOOK = 0.02  # seconds between two looks at a child that is waited for
OWN_NAME = Path("/proc/self/comm")  # Linux: what `ps -C` and `top` show, at most 15 letters


class Child:
    """``work`` done in a child process called ``name``; its exit status is 0, or 1 when it raises.

    In a session of its own: a Ctrl-C at the terminal must not cut off a mail. None of this
    process's ways to take signals goes with it. To be made where only one thread runs: a
    fork copies the locks of the others, but not those who hold them.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self._status: int | None = None
        # Else a signal could meet the child while it still takes it as its parent does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _live(name, work, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def poll(self) -> int | None:
        """The exit status, or minus the number of the signal that ended it; None while it
        runs. 0 when somebody else has asked for it first, as gunicorn's master does.
        """
        if self._status is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._status = 0
            else:
                self._status = os.waitstatus_to_exitcode(status) if ended else None
        return self._status

    def wait(self, seconds: float) -> int | None:
        """The same, once it has ended or ``seconds`` have passed."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(LOOK)
        return self._status

    def tell(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def end(self, patience: float) -> int:
        """Ask it to end, make it end after ``patience`` seconds; its exit status."""
        self.tell(signal.SIGTERM)
        return self.finish(patience)

    def finish(self, patience: float) -> int:
        """Let it end, make it end after ``patience`` seconds; its exit status."""
        if self.wait(patience) is None:
            self.tell(signal.SIGKILL)
        while (status := self.wait(patience)) is None:
            pass
        return status


def _live(name: str, work: Callable[[], object], signals: set[int]) -> NoReturn:
    """The whole life of the child: it never returns to what its parent was doing."""
    status = 1
    try:
        os.setsid()
        _forget_handlers()
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        with suppress(OSError):
            OWN_NAME.write_text(name)
        work()
        status = 0
    except SystemExit:
        pass  # it has said why
    except BaseException:  # noqa: BLE001  (also what would end the parent)
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _forget_handlers() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
