"""Answers only requests for our own host names, by Flask's TRUSTED_HOSTS."""

from functools import lru_cache

from flask import Flask, Response, request
from werkzeug.exceptions import SecurityError
from werkzeug.sansio import utils


def init_trusted_hosts(app: Flask, hosts: tuple[str, ...] | None) -> None:
    """Answer requests for hosts other than ``hosts`` with 400. None allows any host.

    Call this before anything else registers a ``before_request`` function that uses the request.
    """
    app.config["TRUSTED_HOSTS"] = hosts
    app.before_request(_reject_other_hosts)
    app.register_error_handler(SecurityError, _other_host)


@lru_cache(maxsize=128)
def host_is_trusted(host: str | None, hosts: tuple[str, ...] | None) -> bool:
    """Return whether Flask would answer this Host header, for middleware that runs before Flask."""
    return utils.host_is_trusted(host, hosts)


def _reject_other_hosts() -> None:
    # Flask itself raises this error only after all before_request functions.
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception


def _other_host(_error: SecurityError) -> Response:
    """Plain text, because an error page has links and Flask builds none for an untrusted host."""
    response = Response("This host is not served here.\n", 400, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
