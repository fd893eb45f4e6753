"""Rate limits of posts, by Flask-Limiter.

A view that accepts posts has ``@limiter.limit("…")``; nothing else is limited. The limit is
checked before the view reads the request body. While Redis is unavailable, each process counts
in its own memory, so that no visitor is turned away because of it.
"""

import hmac
import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter

# A Redis that does not answer delays one request by half a second, once.
REDIS_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": None}
IPV6_PREFIX = 64  # an Internet provider gives at least a /64 network to one household
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def visitor_key() -> str:
    """Return a keyed hash of the visitor's address, so that the storage gets no address."""
    secret: bytes = current_app.config["VISITOR_KEY_SECRET"]
    network = _network(request.remote_addr or "").encode()
    return hmac.digest(secret, network, "sha256").hex()[:32]


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
