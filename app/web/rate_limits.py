"""Rate limits of posts, by Flask-Limiter.

A view that accepts posts has ``@limiter.limit("…")``; nothing else is limited. The limit is
checked before the view reads the request body. When Redis is away, each process counts in its
own memory: no visitor is turned away because of it.
"""

import hmac
import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter

from app.web.rate_limit_storage import InMemoryStorage

# A Redis that does not answer costs a visitor half a second, once.
REDIS_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": None}
IPV6_PREFIX = 64  # an Internet provider gives at least a /64 network to one household
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def visitor_key() -> str:
    """Return a keyed digest of the visitor's address: the storage gets no address."""
    if "visitor_key" not in g:  # each limit of a view asks for it
        secret: bytes = current_app.extensions["visitor_secret"]
        network = _network(request.remote_addr or "").encode()
        g.visitor_key = hmac.digest(secret, network, "sha256").hex()[:32]
    return str(g.visitor_key)


def _network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


limiter = Limiter(key_func=visitor_key, in_memory_fallback_enabled=True, swallow_errors=True)


@limiter.request_filter
def _is_safe() -> bool:
    """Exempt reading: it would also ask a Redis that is away whether it is back."""
    return request.method in SAFE_METHODS


def init_limiter(app: Flask, *, enabled: bool, storage_uri: str, secret: str) -> None:
    """Count in ``storage_uri`` (``memory://`` or ``redis://…``) unless not ``enabled``.

    ``secret`` keys the digests of visitors' addresses; it must be the same on every host.
    """
    app.extensions["visitor_secret"] = sha256(b"visitor:" + secret.encode()).digest()
    if storage_uri.startswith("memory:"):
        storage_uri = f"{InMemoryStorage.STORAGE_SCHEME[0]}://"
    else:
        app.config["RATELIMIT_STORAGE_OPTIONS"] = REDIS_OPTIONS
    app.config.update(RATELIMIT_ENABLED=enabled, RATELIMIT_STORAGE_URI=storage_uri)
    limiter.init_app(app)
    app.after_request(_set_retry_after)


def _set_retry_after(response: Response) -> Response:
    # Flask-Limiter's own header would also be on a 303, where it asks the browser to wait
    # before it follows the redirect (RFC 9110, 10.2.3).
    if response.status_code == 429 and (limit := limiter.current_limit):
        seconds = max(1, limit.reset_at - int(time.time()))
        response.headers.setdefault("Retry-After", str(seconds))
    return response
