"""HTTP calls to webhooks, limited in time. Their URLs are never logged.

The URLs are secrets: anyone who knows one can post in the clinic's name. So only the type of
an error is logged, not its text, and the logs of the HTTP library, which contain URLs, are off.
"""

import logging
import ssl
import threading
from collections.abc import Mapping

log = logging.getLogger("frontdesk.webhook")

DEADLINE = 5.0  # seconds for a whole call: DNS, connection, TLS, request, status
READ_TIMEOUT = 3.0  # seconds without a byte

for library in ("httpx", "httpcore"):
    logging.getLogger(library).setLevel(logging.WARNING)


def call(url: str, body: Mapping[str, object] | None = None) -> bool:
    """POST ``body`` as JSON to ``url``, or GET it without a body. True when the status was 2xx.

    Runs in a thread: the library's timeout is per byte, and DNS lookups have none. A call that
    misses the deadline is abandoned and ends by itself.
    """
    import httpx  # noqa: PLC0415  (8 MB, not needed without a webhook)

    method = "GET" if body is None else "POST"
    outcome: list[str] = []

    def send() -> None:
        try:
            # Reads only the status. Redirects are not followed: they could lead anywhere.
            with client.stream(method, url, json=body) as response:
                outcome.append("" if response.is_success else f"status {response.status_code}")
        except Exception as error:  # noqa: BLE001  (its text may contain the URL)
            outcome.append(type(error).__name__)

    with httpx.Client(
        timeout=READ_TIMEOUT,
        verify=ssl.create_default_context(),  # the system's certificate store, as for SMTP
        headers={"User-Agent": "frontdesk"},
    ) as client:
        thread = threading.Thread(target=send, name="webhook", daemon=True)
        thread.start()
        thread.join(DEADLINE)
    problem = outcome[0] if outcome else "timed out"
    if problem:
        log.warning("%s failed: %s", "ping" if body is None else "alert", problem)
    return not problem
