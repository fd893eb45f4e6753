"""Calls to the outside, bounded in time, that never show their address.

The addresses are secrets: whoever knows one can speak in the clinic's name. So the
log gets the type of an error and nothing of its words, and the HTTP library, which
logs addresses, is kept quiet.
"""

import logging
import ssl
import threading
from collections.abc import Mapping
from typing import Literal

log = logging.getLogger("frontdesk.webhook")

DEADLINE = 5.0  # seconds for a whole call: name, connection, TLS, request, status
STEP = 3.0  # seconds without a byte

for chatty in ("httpx", "httpcore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


def post(url: str, body: Mapping[str, object], *, deadline: float = DEADLINE) -> bool:
    """POST ``body`` as JSON to ``url``; whether it was taken (2xx)."""
    return _call("POST", url, body, deadline)


def ping(url: str, *, deadline: float = DEADLINE) -> bool:
    """GET ``url``; whether it was answered with 2xx."""
    return _call("GET", url, None, deadline)


def _call(
    method: Literal["GET", "POST"], url: str, body: Mapping[str, object] | None, deadline: float
) -> bool:
    """In a thread of its own: a time-out of the library counts from byte to byte, and
    nothing bounds the look-up of a name. One that is late is left to end by itself.
    """
    import httpx  # noqa: PLC0415  (20 MB, for those alone who are told something)

    outcome: list[str] = []

    def call() -> None:
        try:
            # Only the status is waited for. A redirect is not followed: it might lead anywhere.
            with client.stream(method, url, json=body) as answer:
                outcome.append("" if answer.is_success else f"status {answer.status_code}")
        except Exception as error:  # noqa: BLE001  (its words may hold the address)
            outcome.append(type(error).__name__)

    with httpx.Client(
        timeout=STEP,
        verify=ssl.create_default_context(),  # the system's authorities, as for mail
        headers={"User-Agent": "frontdesk"},
    ) as client:
        thread = threading.Thread(target=call, name="webhook", daemon=True)
        thread.start()
        thread.join(deadline)
    problem = outcome[0] if outcome else "no answer in time"
    if problem:
        log.warning("%s not taken: %s", "alert" if body else "ping", problem)
    return not problem
