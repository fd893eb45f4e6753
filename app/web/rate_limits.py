"""Rate limits of posts, by Flask-Limiter.

A view that accepts posts has ``@limiter.limit("…")``; nothing else is limited. The limit is
checked before the view reads the request body. While Redis is unavailable, each process counts
in its own memory, so that no visitor is turned away because of it.
"""

import hmac
import time
from hashlib import sha256
from threading import Lock
from typing import Any

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from limits.storage import MemoryStorage

from app.web.forwarded import network, visitor_address

# A Redis that does not answer delays one request by half a second, once.
REDIS_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": None}
PREFIXES = {4: 32, 6: 64}  # an Internet provider gives at least a /64 network to one household
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
SWEEP_SECONDS = 60


class SweepingMemoryStorage(MemoryStorage):
    """The storage for ``memory://``. Forgets expired counters once a minute.

    The one in limits goes through all its counters up to 100 times a second, each time in a new
    thread. With counters of 10,000 visitors, that takes most of the time of a post.
    """

    STORAGE_SCHEME = ["memory"]  # noqa: RUF012  (registers it instead of the one in limits)

    def __init__(self, uri: str | None = None, **options: Any) -> None:
        super().__init__(uri, **options)
        self._lock, self._next_sweep = Lock(), 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a hit. ``expiry`` is in seconds from the first hit."""
        now = time.time()
        with self._lock:
            if now >= self._next_sweep:
                self._next_sweep = now + SWEEP_SECONDS
                for expired in [key for key, at in self.expirations.items() if at <= now]:
                    self.clear(expired)
            self.storage[key] = self.get(key) + amount
            self.expirations.setdefault(key, now + expiry)
            return self.storage[key]


def visitor_key() -> str:
    """Return a keyed hash of the visitor's address, so that the storage gets no address."""
    secret: bytes = current_app.config["VISITOR_KEY_SECRET"]
    visitor = network(visitor_address(), PREFIXES)
    return hmac.digest(secret, visitor.encode(), "sha256").hex()[:32]


limiter = Limiter(key_func=visitor_key, in_memory_fallback_enabled=True, swallow_errors=True)


@limiter.request_filter
def _is_exempt() -> bool:
    """Exempt GET requests, which would otherwise wait for a Redis that does not answer, and
    visitors whose address is not known: strangers must not use up one limit.
    """
    return request.method in SAFE_METHODS or visitor_address() is None


def init_rate_limits(app: Flask, *, enabled: bool, storage_uri: str, secret_key: str) -> None:
    """Count in ``storage_uri`` (``memory://`` or ``redis://…``) if ``enabled``.

    ``secret_key`` keys the hashes of visitors' addresses and must be the same on every host.
    """
    app.config.update(
        RATELIMIT_ENABLED=enabled,
        RATELIMIT_STORAGE_URI=storage_uri,
        RATELIMIT_STORAGE_OPTIONS=REDIS_OPTIONS if storage_uri.startswith("redis") else {},
        VISITOR_KEY_SECRET=sha256(b"visitor:" + secret_key.encode()).digest(),
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
