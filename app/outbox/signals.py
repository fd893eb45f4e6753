"""How an attempt is ended from outside: by the clock, or by a request to stop.

A socket's time-out does not stop a server that sends one byte a second, so the
whole attempt is bound by an alarm signal in the mailer's main thread.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

DEADLINE = 660.0  # seconds for one attempt; below the lease, so that no two mailers overlap
STOP_TIMEOUT = 25.0  # seconds for the answer to the final dot once a stop was asked for


class DeadlineExceeded(TimeoutError):  # noqa: N818
    """The attempt took longer than it may."""


class StopRequested(Exception):  # noqa: N818
    """A stop was asked for while nothing had been handed over yet."""


class SignalHandler:
    """Signals of one mailer process. ``stopping`` is True once a stop was asked for."""

    def __init__(self, deadline: float = DEADLINE, stop_timeout: float = STOP_TIMEOUT) -> None:
        self.stopping = False
        self._deadline = deadline
        self._stop_timeout = stop_timeout
        self._may_abort = False

    def install(self) -> None:
        """Listen to SIGTERM and SIGINT; to be called in the main thread."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Limit the time of the block. Raises DeadlineExceeded or StopRequested, the latter only
        before ``mark_data_sent``.
        """
        before = signal.signal(signal.SIGALRM, _ring)
        signal.setitimer(signal.ITIMER_REAL, self._deadline)
        self._may_abort = True
        try:
            if self.stopping:
                raise StopRequested
            yield
        finally:
            self._may_abort = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def mark_data_sent(self) -> None:
        """From here the relay may have taken the mail: a stop waits for its answer."""
        self._may_abort = False
        if self.stopping:
            signal.setitimer(signal.ITIMER_REAL, self._stop_timeout)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._may_abort:
            self._may_abort = False
            raise StopRequested
        if signal.getitimer(signal.ITIMER_REAL)[0] > self._stop_timeout:
            signal.setitimer(signal.ITIMER_REAL, self._stop_timeout)


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise DeadlineExceeded("the attempt took too long")
