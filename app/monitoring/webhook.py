"""HTTP calls to webhooks and to the website, limited in time. Their URLs are never logged.

The URLs are secrets: anyone who knows one can post in the clinic's name. So only the type of
an error is logged, not its text, and the logs of the HTTP library, which contain URLs, are off.
"""

import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("frontdesk.webhook")

DEADLINE = 5.0  # seconds for a whole call: DNS, connection, TLS, request, status
READ_TIMEOUT = 3.0  # seconds without a byte

for library in ("httpx", "httpcore"):
    logging.getLogger(library).setLevel(logging.WARNING)


@dataclass(frozen=True)
class CallResult:
    """``problem`` is empty when the call succeeded. ``certificate_ends_at`` is the end of the
    server's certificate, None without TLS. ``headers`` are those of the response, in lower case.
    """

    problem: str = ""
    certificate_ends_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def call(name: str, url: str, body: Mapping[str, object] | None = None) -> CallResult:
    """POST ``body`` as JSON to ``url``, or GET it without a body. Succeeds if the status is 2xx.

    Runs in a thread: the library's timeout is per byte, and DNS lookups have none. A call that
    misses the deadline is abandoned and ends by itself.
    """
    import httpx  # noqa: PLC0415  (8 MB, only needed in the mailer and the doctor)

    results: list[CallResult] = []

    def send() -> None:
        try:
            # Reads only the status. Redirects are not followed: they could lead anywhere.
            method = "GET" if body is None else "POST"
            with client.stream(method, url, json=body) as response:
                results.append(_result(response))
        except Exception as error:  # noqa: BLE001  (its text may contain the URL)
            results.append(CallResult(_cause(error)))

    with httpx.Client(
        timeout=READ_TIMEOUT,
        verify=ssl.create_default_context(),  # the system's certificate store, as for SMTP
        headers={"User-Agent": "frontdesk"},
    ) as client:
        thread = threading.Thread(target=send, name="webhook", daemon=True)
        thread.start()
        thread.join(DEADLINE)
    result = results[0] if results else CallResult("timed out")
    if result.problem:
        log.warning("%s failed: %s", name, result.problem)
    return result


def _result(response: Any) -> CallResult:
    problem = "" if response.is_success else f"status {response.status_code}"
    tls = response.extensions["network_stream"].get_extra_info("ssl_object")
    headers = dict(response.headers)
    if tls is None:
        return CallResult(problem, headers=headers)
    end = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])
    return CallResult(problem, datetime.fromtimestamp(end, UTC), headers)


def _cause(error: BaseException) -> str:
    """The type of the first error: the library wraps a TLS error like any other."""
    while error.__context__:
        error = error.__context__
    return type(error).__name__
