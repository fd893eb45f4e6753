"""Ends an attempt at its deadline or when the mailer is asked to stop.

A socket timeout does not stop a server that sends one byte a second, so an alarm signal in
the mailer's main thread limits the whole attempt.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

DEADLINE = 660.0  # seconds for one attempt; shorter than the lease, so that no two overlap
STOP_TIMEOUT = 25.0  # seconds to wait for the reply to the final dot after a stop request


class StopRequested(Exception):  # noqa: N818
    """The mailer was asked to stop before the message was handed over."""


class SignalHandler:
    """The signals of one mailer process. ``stopping`` is True after a stop request."""

    def __init__(self) -> None:
        self.stopping = False
        self._may_abort = False

    def install(self) -> None:
        """Handle SIGTERM and SIGINT. Call it in the main thread."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Limit the time of the block. Raises TimeoutError, or StopRequested before
        ``mark_data_sent``.
        """
        previous = signal.signal(signal.SIGALRM, _raise_timeout)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        self._may_abort = True
        try:
            if self.stopping:
                raise StopRequested
            yield
        finally:
            self._may_abort = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    def mark_data_sent(self) -> None:
        """From now on the server may have accepted the message: a stop waits for its reply."""
        self._may_abort = False
        if self.stopping:
            signal.setitimer(signal.ITIMER_REAL, STOP_TIMEOUT)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._may_abort:
            self._may_abort = False
            raise StopRequested
        if signal.getitimer(signal.ITIMER_REAL)[0] > STOP_TIMEOUT:
            signal.setitimer(signal.ITIMER_REAL, STOP_TIMEOUT)


def _raise_timeout(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the attempt took too long")
