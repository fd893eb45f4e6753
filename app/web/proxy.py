"""Where a request came from and where it should have gone."""

from flask import Flask, current_app, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response


def trust_proxies(app: Flask, count: int) -> None:
    """Believe the last ``count`` entries of the X-Forwarded-* headers; none when 0."""
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count
        )


def redirect_trailing_slashes(app: Flask) -> None:
    """``/first-visit/`` leads to ``/first-visit`` for good."""
    app.before_request(_without_trailing_slash)


def _without_trailing_slash() -> Response | None:
    if not isinstance(request.routing_exception, NotFound) or not request.path.endswith("/"):
        return None
    # One leading slash exactly: "//host/" would lead off to another host.
    path = "/" + request.path.strip("/")
    adapter = current_app.create_url_adapter(request)
    if request.method not in ("GET", "HEAD") or not (adapter and adapter.test(path, "GET")):
        return None
    query = request.query_string.decode("ascii", "replace")
    return redirect(iri_to_uri(path) + (f"?{query}" if query else ""), 301)
