"""The requests that this host's workers have answered, counted by all of them together.

Prometheus's client lets each process write its numbers into a file that is mapped into
memory; a scrape, whichever worker it reaches, adds the files up. Dead workers' files
stay until the next start: a counter must not fall.
"""

import os
import shutil
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Lock, Thread

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MultiProcessValue

from app.web.answered import Answered

# Seconds. A kept page takes a tenth of a millisecond; a post should take less than 0.3 s.
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.3, 1.0, 5.0, 30.0)
LABELS = (*map(str, BUCKETS), "+Inf")
PAUSE = 0.5  # seconds
TOGETHER = 10_000
NO_PAGE = "(none)"

REQUESTS = ("frontdesk_requests", "Answers, by route rule and status.")
SECONDS = ("frontdesk_request_seconds", "Time to answer, by route rule.")


class RequestNumbers(Collector):
    """Counts what ``answered`` holds into files in ``folder``."""

    def __init__(self, folder: Path, answered: Answered) -> None:
        self._folder = folder
        self._answered = answered
        self._value_of = MultiProcessValue()
        self._values: dict[tuple[str, ...], object] = {}
        self._lock = Lock()  # a scrape counts, and so does the thread

    def empty(self) -> None:
        """Forget what the workers of a former start counted, and what nobody asked for."""
        self._answered.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Count from now on, in this process, every half a second."""
        Thread(target=self._keep_counting, name="metrics", daemon=True).start()

    def count(self) -> None:
        """Count what waits. Sums are made first: whole batches are written, not answers."""
        with self._lock:
            while batch := list(islice(iter(self._next, None), TOGETHER)):
                self._count_batch(batch)

    def _count_batch(self, batch: list[tuple[str | None, int, float]]) -> None:
        answers = Counter((route or NO_PAGE, str(status)) for route, status, _ in batch)
        buckets = Counter((route or NO_PAGE, _bucket(took)) for route, _, took in batch)
        seconds: dict[str, float] = defaultdict(float)
        for route, _, took in batch:
            seconds[route or NO_PAGE] += took
        for labels, number in answers.items():
            self._add(number, "counter", REQUESTS, "_total", route=labels[0], status=labels[1])
        for name, total in seconds.items():
            self._add(total, "histogram", SECONDS, "_sum", route=name)
            for le in LABELS:  # those with nothing in them too: a quantile needs all
                self._add(buckets[name, le], "histogram", SECONDS, "_bucket", route=name, le=le)

    def collect(self) -> Iterator[Metric]:
        if self._folder.is_dir():
            yield from MultiProcessCollector(CollectorRegistry(), path=str(self._folder)).collect()

    def _next(self) -> tuple[str | None, int, float] | None:
        return self._answered.popleft() if self._answered else None

    def _add(
        self, number: float, kind: str, metric: tuple[str, str], suffix: str, **labels: str
    ) -> None:
        key = (suffix, *labels.values())
        if key not in self._values:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
            name, help_text = metric
            given = (tuple(labels), tuple(labels.values()))
            self._values[key] = self._value_of(kind, name, name + suffix, *given, help_text)
        self._values[key].inc(number)  # type: ignore[attr-defined]

    def _keep_counting(self) -> None:
        while True:
            time.sleep(PAUSE)
            self.count()


def _bucket(seconds: float) -> str:
    return LABELS[bisect_left(BUCKETS, seconds)]
