"""Rate limits of posts, by Flask-Limiter.

A view that accepts posts has ``@limiter.limit("…")``; nothing else is limited. The limit is
checked before the view reads the request body. While Redis is unavailable, each process counts
in its own memory, so that no visitor is turned away because of it.
"""

import hmac
import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits.storage import Storage

# A Redis that does not answer delays one request by half a second, once.
REDIS_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": None}
IPV6_PREFIX = 64  # an Internet provider gives at least a /64 network to one household
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
SCAN_INTERVAL = 60.0  # seconds between two removals of expired counters


class InMemoryStorage(Storage):
    """Counters for fixed windows in the memory of one process.

    limits' own MemoryStorage scans all its counters in a new thread up to 100 times a second,
    which doubles the processor time of a post at 10,000 visitors an hour. This one scans once
    a minute.
    """

    STORAGE_SCHEME = ["counters"]  # noqa: RUF012  (declared so by the library)

    def __init__(
        self, uri: str | None = None, *, wrap_exceptions: bool = False, **options: Any
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._counters: dict[str, tuple[int, float]] = {}  # count and end of the window
        self._lock = Lock()
        self._next_scan = 0.0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count in the window that began with the first request."""
        now = time.time()
        with self._lock:
            if now >= self._next_scan:
                self._counters = {k: item for k, item in self._counters.items() if item[1] > now}
                self._next_scan = now + SCAN_INTERVAL
            count, end = self._counters.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
            self._counters[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        count, end = self._counters.get(key, (0, 0.0))
        return count if end > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._counters)
        self._counters = {}
        return count

    def clear(self, key: str) -> None:
        self._counters.pop(key, None)


def visitor_key() -> str:
    """Return a keyed hash of the visitor's address, so that the storage gets no address."""
    if "visitor_key" not in g:  # each limit of a view calls this
        secret: bytes = current_app.config["VISITOR_KEY_SECRET"]
        network = _network(request.remote_addr or "").encode()
        g.visitor_key = hmac.digest(secret, network, "sha256").hex()[:32]
    return str(g.visitor_key)


def _network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


limiter = Limiter(key_func=visitor_key, in_memory_fallback_enabled=True, swallow_errors=True)


@limiter.request_filter
def _is_safe() -> bool:
    """Exempt GET requests, which would otherwise wait for a Redis that does not answer."""
    return request.method in SAFE_METHODS


def init_rate_limits(app: Flask, *, enabled: bool, storage_uri: str, secret: str) -> None:
    """Count in ``storage_uri`` (``memory://`` or ``redis://…``) if ``enabled``.

    ``secret`` keys the hashes of visitors' addresses and must be the same on every host.
    """
    if storage_uri.startswith("memory:"):
        storage_uri = f"{InMemoryStorage.STORAGE_SCHEME[0]}://"
    else:
        app.config["RATELIMIT_STORAGE_OPTIONS"] = REDIS_OPTIONS
    app.config.update(
        RATELIMIT_ENABLED=enabled,
        RATELIMIT_STORAGE_URI=storage_uri,
        VISITOR_KEY_SECRET=sha256(b"visitor:" + secret.encode()).digest(),
    )
    limiter.init_app(app)
    app.after_request(_set_retry_after)


def _set_retry_after(response: Response) -> Response:
    # Flask-Limiter's own header would also be on a 303, where it asks the browser to wait
    # before it follows the redirect (RFC 9110, 10.2.3).
    if response.status_code == 429 and (limit := limiter.current_limit):
        seconds = max(1, limit.reset_at - int(time.time()))
        response.headers.setdefault("Retry-After", str(seconds))
    return response
