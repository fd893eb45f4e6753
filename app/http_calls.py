"""HTTP calls to the website, the heartbeat's address and webhooks, limited in time.

URLs may be secrets: anyone who knows one can post in the clinic's name. So only the type of an
error is logged, not its text, and the logs of the HTTP library, which contain URLs, are off.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

log = logging.getLogger("frontdesk.http")

T = TypeVar("T")

DEADLINE = 5.0  # seconds for a whole call: DNS, connection, TLS, request, status
READ_TIMEOUT = 3.0  # seconds without a byte

for library in ("httpx", "httpcore"):
    logging.getLogger(library).setLevel(logging.WARNING)


@dataclass(frozen=True)
class CallResult:
    """``problem`` is empty when the call succeeded. ``certificate_ends_at`` is the end of the
    server's certificate, None without TLS. ``status`` is None without a response; ``headers``
    are those of the response, in lower case.
    """

    problem: str = ""
    certificate_ends_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


def in_time(*calls: Callable[[], T]) -> list[T | None]:
    """Run ``calls`` at the same time. Returns their results, None for those that miss DEADLINE.

    Each runs in a thread: libraries limit the time per byte, and DNS lookups not at all. A call
    that misses the deadline is abandoned and ends by itself.
    """
    results: list[T | None] = [None] * len(calls)

    def run(number: int) -> None:
        results[number] = calls[number]()

    threads = [
        threading.Thread(target=run, args=(number,), name="http-call", daemon=True)
        for number in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + DEADLINE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(results)


def call(
    name: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
) -> CallResult:
    """POST ``body`` to ``url``, or GET it without a body. Succeeds if the status is 2xx."""
    import httpx  # noqa: PLC0415  (8 MB, only needed in the mailer and the doctor)

    def send() -> CallResult:
        try:
            # Reads only the status. Redirects are not followed: they could lead anywhere.
            method = "GET" if body is None else "POST"
            with client.stream(method, url, content=body) as response:
                return _result(response)
        except Exception as error:  # noqa: BLE001  (its text may contain the URL)
            return CallResult(_cause(error))

    is_plain = url.lower().startswith("http://")  # without TLS: the store takes 30 ms to load
    with httpx.Client(
        timeout=READ_TIMEOUT,
        # The system's certificate store, as for SMTP.
        verify=False if is_plain else ssl.create_default_context(),
        headers={"User-Agent": "frontdesk", **(headers or {})},
    ) as client:
        result = in_time(send)[0] or CallResult("timed out")
    if result.problem:
        log.warning("%s failed: %s", name, result.problem)
    return result


def _result(response: Any) -> CallResult:
    problem = "" if response.is_success else f"status {response.status_code}"
    tls = response.extensions["network_stream"].get_extra_info("ssl_object")
    headers = dict(response.headers)
    if tls is None:
        return CallResult(problem, headers=headers, status=response.status_code)
    end = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])
    ends_at = datetime.fromtimestamp(end, UTC)
    return CallResult(problem, ends_at, headers, response.status_code)


def _cause(error: BaseException) -> str:
    """The type of the first error: the library wraps a TLS error like any other."""
    while error.__context__:
        error = error.__context__
    return type(error).__name__
