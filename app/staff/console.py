"""Registers the staff console."""

import hmac
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError

from app.database import Database
from app.encryption import UnknownKeyError
from app.staff import (  # noqa: F401  (their views register themselves)
    account_pages,
    audit_log,
    export,
    inbox,
    inquiry,
    notices,
    own_account,
)
from app.staff.access import PREFIX, init_access
from app.staff.blueprint import blueprint
from app.staff.formats import init_formats
from app.staff.sign_in import init_sign_in
from app.web.error_handlers import show_errors_below
from app.web.static_files import add_static_file

FOLDER = Path(__file__).parent
UNAVAILABLE = (SQLAlchemyError, UnknownKeyError)
MESSAGES = {
    400: (
        "Please try again",
        "You were away for more than 30 minutes, or the page is old. Nothing was changed.",
    ),
    401: ("You were signed out", "You had been signed in for 12 hours. Nothing was changed."),
    403: ("Only for managers", "Your account cannot do this. Ask a manager of your clinic."),
    404: ("Not found", "There is no such page or inquiry. It may have been mistyped."),
    429: ("Too many attempts", "Please wait a few minutes, then try again."),
    503: ("Not available", "The database does not answer. Please try again in a minute."),
}
OTHER = ("Sorry, that did not work", "Something went wrong on our side. Please try again.")


def init_app(  # noqa: PLR0913  (each is one setting)
    app: Flask,
    database: Database,
    *,
    secret_key: str,
    name: str,
    host: str,
    url: str,
    secure: bool,
) -> None:
    """Register the console below ``/staff/``; call this last.

    ``secret_key`` is that of the site, and ``name`` the clinic's. If ``host`` is not empty, the
    console is on that host only. ``url`` is its address. ``secure`` restricts the cookie to HTTPS.
    """
    key = hmac.digest(secret_key.encode(), b"staff-console", "sha256")
    origin = url.removesuffix(PREFIX)
    init_access(app, secret_key=key, host=host, origin=origin, secure=secure)
    init_sign_in(app, database, secret_key=key.hex(), name=name)
    init_formats(app)
    app.register_blueprint(blueprint)
    for file in ("console.css", "console.js"):
        add_static_file(app, file, FOLDER / file)
    show_errors_below(app, PREFIX, _show_error)


def _show_error(error: HTTPException) -> Response:
    """Show an error in plain words. Needs no database, and repeats what was typed into a note."""
    cause = error.original_exception if isinstance(error, InternalServerError) else None
    status = 503 if isinstance(cause, UNAVAILABLE) else error.code or 500
    heading, explanation = MESSAGES.get(status, OTHER)
    if isinstance(error, CSRFError):
        heading, explanation = MESSAGES[400]
    typed = request.form.get("text", "") if status in (400, 401, 503) else ""
    template = current_app.jinja_env.get_template("staff/error.html")
    known = status != HTTPStatus.NOT_FOUND
    page = template.render(
        code=status,
        heading=heading,
        explanation=explanation,
        typed=typed,
        reference=(request.view_args or {}).get("reference") if known else None,
    )
    response = Response(page, status)
    for header, value in error.get_headers():
        if header != "Content-Type":
            response.headers.setdefault(header, value)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "60"
    return response
