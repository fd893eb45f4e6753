"""Counts of this process, for limits that are not shared.

limits' own MemoryStorage looks through all its counts up to 100 times a second, in a
thread that it starts for it: with 10,000 visitors in an hour that was most of what a
post cost. Here they are looked through once a minute.
"""

import time
from threading import Lock

from limits.storage import Storage

SWEEP = 60.0  # seconds between two looks for counts that are over


class Counts(Storage):
    """Fixed windows: a count begins with the first event and ends when its time is over."""

    STORAGE_SCHEME = ["counts"]  # noqa: RUF012  (the library's declaration)

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._counts: dict[str, tuple[int, float]] = {}  # the count, and when it ends
        self._lock = Lock()
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        with self._lock:
            if now >= self._sweep_at:
                self._counts = {k: found for k, found in self._counts.items() if found[1] > now}
                self._sweep_at = now + SWEEP
            count, end = self._counts.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
            self._counts[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._counts)
        self._counts = {}
        return count

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)
