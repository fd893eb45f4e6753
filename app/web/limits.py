"""How often one visitor may post.

Rooms put ``@limiter.limit("…")`` on their POST views; nothing else is limited.
When the shared store of counts is down, each process counts in its own
memory: a broken Redis must not turn a visitor away.
"""

import hmac
import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter

from app.web.counts import Counts

# A silent Redis is given up after a moment, for a visitor waits.
IMPATIENT = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": None}
IPV6_SITE = 64  # bits that an Internet provider gives to one household


def visitor() -> str:
    """Whom a limit counts, as a keyed digest: the store of counts gets no address."""
    if "visitor" not in g:  # each of a view's limits asks
        secret: bytes = current_app.extensions["visitor_secret"]
        network = _network(request.remote_addr or "").encode()
        g.visitor = hmac.digest(secret, network, "sha256").hex()[:32]
    return str(g.visitor)


def _network(address: str) -> str:
    """An IPv4 address, or the /64 network of an IPv6 address."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_SITE), strict=False))
    return str(found)


class AskedForLimiter(Limiter):
    """Looks only at views that ask for a limit.

    Flask-Limiter also looks at every request for limits of the whole site. We
    have none, and for a view that is a ``functools.partial`` it logs an error.
    """

    def init_app(self, app: Flask) -> None:
        self._storage_options = {}  # those of an app before this one in the same process
        super().init_app(app)

    def _check_request_limit(
        self,
        callable_name: str | None = None,
        in_middleware: bool = True,  # noqa: FBT001, FBT002 - the library's signature
    ) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = AskedForLimiter(key_func=visitor, in_memory_fallback_enabled=True, swallow_errors=True)


def init_limiter(app: Flask, *, enabled: bool, storage_uri: str, secret: str) -> None:
    """Count in ``storage_uri`` (``memory://``, ``redis://…``) unless not ``enabled``;
    ``secret``, the same on every host, keys the digests of visitors' addresses.
    """
    app.extensions["visitor_secret"] = sha256(b"visitor:" + secret.encode()).digest()
    scheme = Counts.STORAGE_SCHEME[0]
    app.config.update(
        RATELIMIT_ENABLED=enabled,
        RATELIMIT_STORAGE_URI=storage_uri.replace("memory:", f"{scheme}:", 1),
    )
    if storage_uri.startswith("redis"):
        app.config["RATELIMIT_STORAGE_OPTIONS"] = IMPATIENT
    limiter.init_app(app)
    app.after_request(_say_when_to_come_back)


def _say_when_to_come_back(response: Response) -> Response:
    # Flask-Limiter's own header would also stand on a 303, where it asks the
    # browser to wait before it follows (RFC 9110, 10.2.3).
    if response.status_code == 429 and (limit := limiter.current_limit):
        seconds = max(1, limit.reset_at - int(time.time()))
        response.headers.setdefault("Retry-After", str(seconds))
    return response
