"""Who may request what below ``/staff/``: sessions, roles, fresh sign-ins, CSRF and headers.

What is not listed here needs a session. Public pages have no session at all.
"""

from flask import (
    Flask,
    Request,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_security import current_user
from flask_wtf import CSRFProtect

from app import clock
from app.contact.csrf import is_cross_site
from app.staff.sign_in import FRESH, IDLE_LIFETIME, SESSION_LIFETIME
from app.web.rate_limits import limiter
from app.web.trusted_hosts import PORT

PREFIX = "/staff/"
# Where passwords, codes and tokens could be guessed.
GUESSABLE = {
    "security.login",
    "security.two_factor_token_validation",
    "security.mf_recovery",
    "security.wan_signin_response",
    "staff.accept_invitation",
}
OPEN = GUESSABLE | {"security.wan_signin", "staff.welcome"}
# What an account without credentials can do: choose how to sign in.
SET_UP = {
    "security.logout",
    "security.wan_register",
    "security.wan_register_response",
    "staff.account",
    "staff.password",
    "staff.set_password",
}
# The other views of Flask-Security do not exist here: among them is one that turns codes off.
SECURITY_VIEWS = OPEN | SET_UP | {"security.mf_recovery_codes", "security.wan_delete"}
MANAGERS_ONLY = {
    "staff.accounts",
    "staff.audit_log",
    "staff.change_account",
    "staff.confirm_erasure",
    "staff.erase",
    "staff.export",
    "staff.export_file",
    "staff.invite",
}
FRESH_SIGN_IN = {
    "security.mf_recovery_codes",
    "security.wan_delete",
    "security.wan_register",
    "staff.change_account",
    "staff.confirm_erasure",
    "staff.erase",
    "staff.export",
    "staff.export_file",
    "staff.invite",
    "staff.password",
    "staff.set_password",
}

SIGNED_OUT = (
    f"You were signed out after {IDLE_LIFETIME.seconds // 60} minutes without a click."
    " Nothing was changed. Sign in, then try again."
)

csrf = CSRFProtect()


@limiter.limit("20 per minute; 200 per hour")
def _count_guess() -> None:
    """Raise 429 after too many posts from one network. Accounts are also limited by themselves."""


class StaffSessions(SecureCookieSessionInterface):
    """Sessions only below ``/staff/``: no public response depends on a cookie or sets one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if _is_staff(request) else None


def init_access(app: Flask, *, secret_key: bytes, host: str, origin: str, secure: bool) -> None:
    """Guard the console. ``host`` is the only host name that it answers on, if not empty.

    Browsers know it as ``origin``, such as ``https://host``.
    """
    name = "frontdesk_staff"
    app.config.update(
        SECRET_KEY=secret_key,
        SESSION_COOKIE_NAME=f"__Secure-{name}" if secure else name,
        SESSION_COOKIE_PATH=PREFIX,
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=IDLE_LIFETIME,
        STAFF_HOST=host,
        STAFF_ORIGIN=origin,
        WTF_CSRF_CHECK_DEFAULT=False,  # not for visitors' posts
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # it would need the port in the Host header
    )
    app.session_interface = StaffSessions()
    csrf.init_app(app)
    app.before_request(_guard)
    app.after_request(_keep_private)


def _is_staff(request: Request) -> bool:
    return request.path.startswith(PREFIX)


def _guard() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if not _is_staff(request) or endpoint is None:
        return None
    if not _exists(endpoint):
        abort(404)
    if endpoint in GUESSABLE:
        _count_guess()
    if request.method == "POST":
        if is_cross_site(request.headers, (current_app.config["STAFF_ORIGIN"], request.host_url)):
            abort(400)
        # The cookie with the token has expired. A typed text is shown by the page of the error.
        if endpoint not in OPEN and not current_user.is_authenticated and not _has_text():
            return _to_sign_in(SIGNED_OUT)
        csrf.protect()
    return None if endpoint in OPEN else _require_account(endpoint)


def _exists(endpoint: str) -> bool:
    host = current_app.config["STAFF_HOST"]
    is_here = not host or PORT.sub("", request.host).lower() == host
    return is_here and (not endpoint.startswith("security.") or endpoint in SECURITY_VIEWS)


def _require_account(endpoint: str) -> ResponseReturnValue | None:
    if not current_user.is_authenticated:
        return _to_sign_in("Please sign in.")
    if _age("started_at") > SESSION_LIFETIME.total_seconds():
        return _sign_in_again("Please sign in.")
    if not current_user.has_credentials and endpoint not in SET_UP:
        return redirect(url_for("staff.account"), 303)
    if endpoint in MANAGERS_ONLY and not current_user.is_manager:
        abort(403)
    if endpoint in FRESH_SIGN_IN and _age("fs_paa") > FRESH.total_seconds():
        return _sign_in_again("Please sign in again before you do this.")
    if endpoint == "security.wan_register" and request.method == "GET":
        return redirect(url_for("staff.account"), 303)  # which lists the passkeys
    return None


def _age(key: str) -> float:
    """The seconds since the moment that the session has under ``key``."""
    started: float | None = session.get(key)
    return clock.now().timestamp() - started if started else float("inf")


def _sign_in_again(message: str) -> ResponseReturnValue:
    if _has_text():
        abort(401)  # the page shows what was typed
    session.clear()
    return _to_sign_in(message)


def _has_text() -> bool:
    """Whether the request is a form with a text that would be lost."""
    return request.method == "POST" and "text" in request.form


def _to_sign_in(message: str) -> ResponseReturnValue:
    """Keeps the session, which may be that of a sign-in in another tab."""
    flash(message, "info")
    return redirect(url_for("security.login", next=_page_path()), 303)


def _page_path() -> str:
    """The page that was requested, or the one above the address that a button posts to."""
    if request.method == "GET":
        return request.full_path.removesuffix("?")
    if request.endpoint == "security.logout":
        return PREFIX
    routes, path = current_app.url_map.bind(""), request.path
    while not routes.test(path, "GET"):
        path = path.rpartition("/")[0]
    return path


def _keep_private(response: Response) -> Response:
    if _is_staff(request) or request.path == PREFIX[:-1]:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "same-origin"
    return response
