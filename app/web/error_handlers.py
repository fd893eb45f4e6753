"""Error pages for people, and problem documents (RFC 9457) for API clients.

``/unavailable`` and ``/api/unavailable`` are for the web server in front, which caches them and
sends them, with status 503, while the application is down.
"""

import logging
import tomllib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, current_app, json, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from app.services import current_services
from app.web.page_cache import public_response

log = logging.getLogger(__name__)

TEXTS = Path(__file__).parents[2] / "templates/errors/messages.toml"
MESSAGES = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
UNAVAILABLE_PATHS = ("/unavailable", "/api/unavailable")


def init_error_handlers(app: Flask) -> None:
    """Handle every error: with a page, or with a problem document under ``/api/``.

    A blueprint can show its own page for HTTPException, also for unexpected errors. So can a part
    of the site: see ``show_errors_below``.
    """
    app.config["ERROR_PAGES"] = {}
    app.register_error_handler(HTTPException, error_response)
    app.register_error_handler(Exception, _handle_unexpected)
    for path in UNAVAILABLE_PATHS:
        app.add_url_rule(path, path, _unavailable)


def show_errors_below(app: Flask, prefix: str, show: Callable[[HTTPException], Response]) -> None:
    """Let ``show`` make the responses for errors of paths that start with ``prefix``."""
    app.config["ERROR_PAGES"][prefix] = show


def error_response(error: HTTPException) -> Response:
    """Return the common page for ``error``, or a problem document under ``/api/``."""
    pages: dict[str, Callable[[HTTPException], Response]] = current_app.config["ERROR_PAGES"]
    for prefix, show in pages.items():
        if request.path.startswith(prefix):
            return show(error)
    status = error.code or 500
    response = _error_page(status, MESSAGES.get(str(status), MESSAGES["other"]))
    for name, value in error.get_headers():  # such as Allow for a 405
        if name != "Content-Type":
            response.headers.setdefault(name, value)
    return response


def problem_response(status: int, detail: str, **members: object) -> Response:
    """Return an RFC 9457 problem document. ``members`` are added to the standard ones."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    response = Response(json.dumps(body), status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _handle_unexpected(error: Exception) -> ResponseReturnValue | HTTPException:
    log.error("unexpected error", exc_info=error)
    if current_app.testing:
        raise error
    return current_app.handle_http_exception(InternalServerError(original_exception=error))


def _unavailable() -> Response:
    """Return the page for a stopped application, with status 200 so that nginx may cache it."""
    page = _error_page(503, MESSAGES["unavailable"], phone=current_services().clinic.phone)
    response = public_response(page.get_data(), page.headers["Content-Type"], "no-store")
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _error_page(status: int, message: dict[str, str], **members: object) -> Response:
    """Return a page, or a problem document with ``members`` if the request was for the API."""
    if request.path.startswith("/api/"):
        return problem_response(status, message["explanation"], **members)
    # An error page has no canonical address: the path may be anything.
    page = render_template("errors/error.html", canonical="", code=status, **message)
    response = Response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response
