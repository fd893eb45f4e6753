"""Clients that send inquiries to a running site in the background."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.contact.conftest import GOOD
from tests.support.site import Site, eventually

PAUSE = 0.05  # seconds between two inquiries of one client


@dataclass
class LoadGenerator:
    """Sends inquiries to ``site``. ``slowest`` is the time of the slowest response in seconds."""

    site: Site
    acknowledged: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    slowest: float = 0.0

    @contextmanager
    def submitting(self, count: int = 3) -> Iterator[None]:
        done = threading.Event()
        threads = [threading.Thread(target=self._send, args=(done, n)) for n in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def wait_for_acknowledged(self, more: int) -> None:
        """Wait until ``more`` further inquiries are acknowledged."""
        goal = len(self.acknowledged) + more
        eventually(lambda: len(self.acknowledged) >= goal, what="inquiries are acknowledged")

    def _send(self, done: threading.Event, number: int) -> None:
        count = 0
        with httpx.Client(base_url=self.site.url, timeout=60, trust_env=False) as client:
            while not done.wait(PAUSE):
                count += 1
                started = time.monotonic()
                inquiry = {**GOOD, "message": f"Question {number}.{count}"}
                response = client.post("/api/v1/inquiries", json=inquiry)
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.statuses.add(response.status_code)
                if response.status_code == 201:
                    self.acknowledged.add(response.json()["reference"])
