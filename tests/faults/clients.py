"""Visitors and API clients that send inquiries and retry.

Each client records the responses it gets. The tests rely on these records, not on the site's.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

RETRY_TIME = 75.0  # seconds that a client retries
TIMEOUT = 40.0  # seconds for one response; the site waits up to 15 for a database lock
PAUSE = 0.25  # seconds before a retry

Url = Callable[[], str]


@dataclass
class Submission:
    """One inquiry, as seen by its client. Its text contains ``marker``.

    ``references``: the references in successful responses; more than one is an error.
    ``responses``: the status of each attempt, or the name of the exception.
    """

    marker: str
    by_form: bool
    text: str = ""
    key: str = ""
    references: list[str] = field(default_factory=list)
    responses: list[int | str] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        return bool(self.references)


def new_inquiry(*, by_form: bool = False, text: str = "") -> Submission:
    marker = f"marker-{uuid4().int:039d}"  # letters might be classified as spam
    return Submission(marker, by_form, f"{text or 'Do you take checks?'} {marker}", uuid4().hex)


def submit(url: str | Url, submission: Submission, retry_time: float = RETRY_TIME) -> None:
    """Send until the inquiry is accepted or rejected, for at most ``retry_time`` seconds.

    If ``url`` is a function, it is called for each attempt.
    """
    deadline = time.monotonic() + retry_time
    while time.monotonic() < deadline:
        try:
            status, reference = _post(url if isinstance(url, str) else url(), submission)
        except (OSError, http.client.HTTPException) as error:
            submission.responses.append(type(error).__name__)
        else:
            submission.responses.append(status)
            if reference:
                submission.references.append(reference)
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return
        time.sleep(PAUSE * random.uniform(0.5, 1.5))


def _post(url: str, submission: Submission) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
    try:
        connection.request("POST", *_request(submission))
        response = connection.getresponse()
        body = response.read()
        if response.status == HTTPStatus.CREATED:
            return response.status, json.loads(body)["reference"]
        if response.status == HTTPStatus.SEE_OTHER:
            return response.status, (response.headers["Location"] or "").rpartition("/")[2]
        return response.status, ""
    finally:
        connection.close()


def _request(submission: Submission) -> tuple[str, bytes, dict[str, str]]:
    fields: dict[str, Any] = {
        "name": "Ada Example",
        "email": "ada@example.com",
        "reply_by": "email",
        "topic": "billing",
        "location": "quay",
        "message": submission.text,
    }
    # Each inquiry comes from a different address, and is sent again from the same one.
    headers = {"X-Forwarded-For": f"2001:db8:{submission.key[:4]}:{submission.key[4:8]}::1"}
    if submission.by_form:
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        return "/contact", urlencode(fields).encode(), headers
    headers |= {"Content-Type": "application/json", "Idempotency-Key": submission.key}
    return "/api/v1/inquiries", json.dumps(fields).encode(), headers


class Load:
    """Concurrent clients that send inquiries until they are stopped or have sent ``count``.

    Every second inquiry is sent through the form.
    """

    def __init__(
        self, url: Url, *, clients: int = 4, pause: float = 0.3, count: int = 10_000
    ) -> None:
        self.submissions: list[Submission] = []
        self._url = url
        self._pause = pause
        self._remaining = count
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(clients)
        ]

    @property
    def acknowledged(self) -> int:
        return sum(submission.acknowledged for submission in tuple(self.submissions))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self, seconds: float = RETRY_TIME + TIMEOUT + 5) -> None:
        """Wait until ``count`` inquiries are sent, or for ``seconds``."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """Start no new inquiries and wait for those in progress."""
        self._stopping.set()
        self.finish()

    def _work(self, number: int) -> None:
        while not self._stopping.is_set():
            with self._lock:
                if not self._remaining:
                    return
                self._remaining -= 1
                submission = new_inquiry(by_form=(self._remaining + number) % 2 == 0)
                self.submissions.append(submission)
            submit(self._url, submission)
            self._stopping.wait(self._pause)
