"""Visitors and programs that send inquiries and do not give up soon.

Each keeps its own record of what it was told: the bench believes these
records, not the site's.
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

PATIENCE = 75.0  # seconds that a client goes on trying
ATTEMPT = 40.0  # seconds it waits for one answer; a lock of the database may last 15
PAUSE = 0.25  # seconds before it tries again

Url = Callable[[], str]


@dataclass
class Submission:
    """One inquiry as its client knows it. ``marker`` stands in its words.

    ``references``: what the client was told after "received"; more than one is a fault.
    ``answers``: the status of each attempt, or the error's name.
    """

    marker: str
    by_form: bool
    words: str = ""
    key: str = ""
    references: list[str] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        return bool(self.references)


def new_inquiry(*, by_form: bool = False, words: str = "") -> Submission:
    marker = f"marker-{uuid4().int:039d}"  # letters might look like spam, and be held
    return Submission(marker, by_form, f"{words or 'Do you take checks?'} {marker}", uuid4().hex)


def submit(url: str | Url, sent: Submission, patience: float = PATIENCE) -> None:
    """Send until it is acknowledged or refused for good, for at most ``patience`` seconds.
    Each attempt goes where ``url`` says then.
    """
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            status, reference = _post(url if isinstance(url, str) else url(), sent)
        except (OSError, http.client.HTTPException) as error:
            sent.answers.append(type(error).__name__)
        else:
            sent.answers.append(status)
            if reference:
                sent.references.append(reference)
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return
        time.sleep(PAUSE * random.uniform(0.5, 1.5))


def _post(url: str, sent: Submission) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ATTEMPT)
    try:
        connection.request("POST", *_request(sent))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == HTTPStatus.CREATED:
            return answer.status, json.loads(body)["reference"]
        if answer.status == HTTPStatus.SEE_OTHER:
            return answer.status, (answer.headers["Location"] or "").rpartition("/")[2]
        return answer.status, ""
    finally:
        connection.close()


def _request(sent: Submission) -> tuple[str, bytes, dict[str, str]]:
    fields: dict[str, Any] = {
        "name": "Ada Example",
        "email": "ada@example.com",
        "reply_by": "email",
        "topic": "billing",
        "location": "quay",
        "message": sent.words,
    }
    # An address of its own, should a proxy be believed: many visitors, not one.
    headers = {"X-Forwarded-For": f"2001:db8:{sent.key[:4]}:{sent.key[4:8]}::1"}
    if sent.by_form:
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        return "/contact", urlencode(fields).encode(), headers
    headers |= {"Content-Type": "application/json", "Idempotency-Key": sent.key}
    return "/api/v1/inquiries", json.dumps(fields).encode(), headers


class Load:
    """Clients at work beside one another until they are stopped or have sent ``count``.

    Every other inquiry goes through the form.
    """

    def __init__(
        self, url: Url, *, clients: int = 4, rest: float = 0.3, count: int = 10_000
    ) -> None:
        self.sent: list[Submission] = []
        self._url = url
        self._rest = rest
        self._left = count
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(clients)
        ]

    @property
    def acknowledged(self) -> int:
        return sum(sent.acknowledged for sent in tuple(self.sent))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self, seconds: float = PATIENCE + ATTEMPT + 5) -> None:
        """Return when all have sent their ``count``, or after ``seconds``."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def stop(self) -> None:
        """Start nothing new; return when what is under way has ended."""
        self._stopping.set()
        self.finish()

    def _work(self, number: int) -> None:
        while not self._stopping.is_set():
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
                sent = new_inquiry(by_form=(self._left + number) % 2 == 0)
                self.sent.append(sent)
            submit(self._url, sent)
            self._stopping.wait(self._rest)
