"""Log lines that a thread writes a moment later, so that no request waits for the log.

Each write to a file or pipe lets go of Python's lock; under load getting it
back costs a kept page more than the whole rest of its making. A line may come
a quarter of a second late, with its own time in it; the last ones are written
when the process ends, unless it is killed. Should nobody read the log, the
oldest lines are dropped: pages go on.
"""

import atexit
import os
import sys
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from threading import Lock, Thread

PAUSE = 0.25  # seconds
MOST = 20_000  # lines that wait
TOGETHER = 15  # lines; what fits into PIPE_BUF (4,096 bytes) is never torn by another process


class Later:
    """A queue of lines for standard error, with a writer thread in each process that has lines."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST)
        self._writers_pid = 0  # a fork leaves the thread behind
        self._starting = Lock()

    def put(self, line: str) -> None:
        self._lines.append(line)
        if self._writers_pid != os.getpid():
            self._start()

    def write(self) -> None:
        """Write what waits."""
        while lines := list(islice(iter(self._next, ""), TOGETHER)):
            with suppress(OSError, ValueError):  # who read it is gone
                sys.stderr.write("".join(lines))
                sys.stderr.flush()

    def _next(self) -> str:
        return self._lines.popleft() if self._lines else ""

    def _start(self) -> None:
        with self._starting:
            if self._writers_pid == os.getpid():
                return
            self._writers_pid = os.getpid()
        atexit.register(self.write)
        Thread(target=self._keep_writing, name="access-log", daemon=True).start()

    def _keep_writing(self) -> None:
        while True:
            time.sleep(PAUSE)
            self.write()
