"""Permanent redirects from addresses with a trailing slash."""

from flask import Flask, current_app, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response


def redirect_trailing_slashes(app: Flask) -> None:
    """Redirect ``/first-visit/`` to ``/first-visit`` if only that page exists."""
    app.before_request(_without_trailing_slash)


def _without_trailing_slash() -> Response | None:
    if not isinstance(request.routing_exception, NotFound) or not request.path.endswith("/"):
        return None
    # Exactly one leading slash: "//host/" would redirect to another host.
    path = "/" + request.path.strip("/")
    adapter = current_app.create_url_adapter(request)
    if request.method not in ("GET", "HEAD") or not (adapter and adapter.test(path, "GET")):
        return None
    query = request.query_string.decode("ascii", "replace")
    return redirect(iri_to_uri(path) + (f"?{query}" if query else ""), 301)
