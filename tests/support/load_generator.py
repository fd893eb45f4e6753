"""Clients that go on writing to a running site while something is done to it."""

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
    """Clients of ``site``: what they were told, and the seconds each answer took."""

    site: Site
    acknowledged: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    slowest: float = 0.0

    @contextmanager
    def submitting(self, count: int = 3) -> Iterator[None]:
        done = threading.Event()
        threads = [threading.Thread(target=self._write, args=(done, n)) for n in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def wait_for_acknowledged(self, more: int) -> None:
        """Return when so many more inquiries are acknowledged."""
        wanted = len(self.acknowledged) + more
        eventually(lambda: len(self.acknowledged) >= wanted, what="inquiries are acknowledged")

    def _write(self, done: threading.Event, number: int) -> None:
        count = 0
        with httpx.Client(base_url=self.site.url, timeout=60, trust_env=False) as client:
            while not done.wait(PAUSE):
                count += 1
                began = time.monotonic()
                words = {**GOOD, "message": f"Question {number}.{count}"}
                answer = client.post("/api/v1/inquiries", json=words)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.statuses.add(answer.status_code)
                if answer.status_code == 201:
                    self.acknowledged.add(answer.json()["reference"])
