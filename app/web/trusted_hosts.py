"""Answers only requests for our own host names.

Not by Flask's TRUSTED_HOSTS, which cannot have an IPv6 address.
"""

import re
from functools import lru_cache

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import SecurityError
from werkzeug.sansio import utils

PORT = re.compile(r":[0-9]+$")


def init_trusted_hosts(app: Flask, hosts: tuple[str, ...] | None) -> None:
    """Answer requests for hosts other than ``hosts`` with 400. None allows any host.

    ``hosts`` are in lower case, IPv6 addresses in brackets. Call this before anything else
    registers a ``before_request`` function that uses the request.
    """
    app.config["OWN_HOSTS"] = hosts
    app.before_request(_reject_other_hosts)
    app.register_error_handler(SecurityError, _other_host)


@lru_cache(maxsize=128)
def host_is_trusted(host: str | None, hosts: tuple[str, ...] | None) -> bool:
    """Return whether a request with this Host header, with any port, is answered."""
    if not host or not utils.host_is_trusted(host):  # has characters that no host has
        return False
    return hosts is None or PORT.sub("", host).lower() in hosts


def _reject_other_hosts() -> None:
    if not host_is_trusted(request.host, current_app.config["OWN_HOSTS"]):
        raise SecurityError


def _other_host(_error: SecurityError) -> Response:
    """Plain text, because an error page has links and Flask builds none for an untrusted host."""
    response = Response("This host is not served here.\n", 400, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
