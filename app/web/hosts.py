"""Requests for our own host are answered, and no others.

Whoever makes a browser or a cache believe that another name is ours gains
nothing: the answer is 421 and repeats nothing. Load balancers ask for health
by address instead of name, so such paths answer any host.
"""

import logging
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask

from app.web.headers import bare_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REFUSED = "421 MISDIRECTED REQUEST"
WORDS = b"This host is not served here.\n"
PORTS = {"http": 80, "https": 443}
QUIET = 60.0  # seconds between two lines in the log
log = logging.getLogger("frontdesk.hosts")


class OnlyOurHost:
    """A WSGI application around another one. ``site`` is our address (https://host)."""

    def __init__(self, app: "WSGIApplication", site: str, *, development: bool) -> None:
        parts = urlsplit(site)
        self._app = app
        self._host = (parts.hostname or "").rstrip(".")
        self._port = parts.port or PORTS[parts.scheme]
        self._development = development
        self._usual = parts.netloc.lower()  # as nearly every request spells it
        self.any_host: set[str] = set()
        self._quiet_until = 0.0

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if host == self._usual or environ["PATH_INFO"] in self.any_host or self._is_ours(host):
            return self._app(environ, start_response)
        self._tell()
        start_response(REFUSED, bare_headers(len(WORDS)))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [WORDS]

    def _is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        if self._development and _is_near(name):
            return True
        return name == self._host and port in (None, self._port)

    def _tell(self) -> None:
        """One line a minute, without the name: anybody can make up many."""
        if (now := time.monotonic()) >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning(
                "a request for another host than that of BASE_URL was refused; "
                "a web server in front must pass on the Host header"
            )


def refuse_other_hosts(app: Flask, *, site: str, development: bool) -> None:
    """Answer for the host of ``site`` (https://host) alone.

    In development a host may also be ``localhost`` or any IP address: a name
    is what an attack needs.
    """
    gate = OnlyOurHost(app.wsgi_app, site, development=development)
    app.wsgi_app = gate  # type: ignore[method-assign]
    app.extensions["any_host"] = gate.any_host


def answer_any_host(app: Flask, *paths: str) -> None:
    """Let ``paths`` be asked for by address, as load balancers do."""
    app.extensions["any_host"].update(paths)


def _is_near(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return name == "localhost"
