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
from app.staff.sign_in import IDLE_LIFETIME, REAUTHENTICATION_WINDOW, SESSION_LIFETIME
from app.web.rate_limits import limiter
from app.web.trusted_hosts import PORT

PREFIX = "/staff/"
# Where passwords, codes and tokens could be guessed.
RATE_LIMITED_ENDPOINTS = {
    "security.login",
    "security.two_factor_token_validation",
    "security.mf_recovery",
    "security.wan_signin_response",
    "staff.accept_invitation",
}
PUBLIC_ENDPOINTS = RATE_LIMITED_ENDPOINTS | {"security.wan_signin", "staff.welcome"}
# What an account without credentials can do: choose how to sign in.
ONBOARDING_ENDPOINTS = {
    "security.logout",
    "security.wan_register",
    "security.wan_register_response",
    "staff.account",
    "staff.password",
    "staff.set_password",
}
# The other views of Flask-Security do not exist here: among them is one that turns codes off.
SECURITY_VIEWS = (
    PUBLIC_ENDPOINTS | ONBOARDING_ENDPOINTS | {"security.mf_recovery_codes", "security.wan_delete"}
)
MANAGER_ENDPOINTS = {
    "staff.accounts",
    "staff.audit_log",
    "staff.change_account",
    "staff.confirm_erasure",
    "staff.erase",
    "staff.export",
    "staff.export_file",
    "staff.invite",
}
REAUTHENTICATION_ENDPOINTS = {
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
def _limit_guesses() -> None:
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
    app.before_request(_authorize_request)
    app.after_request(_set_private_headers)


def _is_staff(request: Request) -> bool:
    return request.path.startswith(PREFIX)


def _authorize_request() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if not _is_staff(request) or endpoint is None:
        return None
    if not _exists(endpoint):
        abort(404)
    is_public = endpoint in PUBLIC_ENDPOINTS
    if endpoint in RATE_LIMITED_ENDPOINTS:
        _limit_guesses()
    if request.method == "POST":
        if is_cross_site(request.headers, (current_app.config["STAFF_ORIGIN"], request.host_url)):
            abort(400)
        # The cookie with the token has expired. A typed text is shown by the page of the error.
        if not (is_public or current_user.is_authenticated or _has_text()):
            return _to_sign_in(SIGNED_OUT)
        csrf.protect()
    return None if is_public else _require_account(endpoint)


def _exists(endpoint: str) -> bool:
    host = current_app.config["STAFF_HOST"]
    is_here = not host or PORT.sub("", request.host).lower() == host
    return is_here and (not endpoint.startswith("security.") or endpoint in SECURITY_VIEWS)


def _require_account(endpoint: str) -> ResponseReturnValue | None:
    if not current_user.is_authenticated:
        return _to_sign_in("Please sign in.")
    if _age("started_at") > SESSION_LIFETIME.total_seconds():
        return _sign_in_again("Please sign in.")
    if not current_user.has_credentials and endpoint not in ONBOARDING_ENDPOINTS:
        return redirect(url_for("staff.account"), 303)
    if endpoint in MANAGER_ENDPOINTS and not current_user.is_manager:
        abort(403)
    is_stale = _age("fs_paa") > REAUTHENTICATION_WINDOW.total_seconds()
    if is_stale and endpoint in REAUTHENTICATION_ENDPOINTS:
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


def _set_private_headers(response: Response) -> Response:
    if _is_staff(request) or request.path == PREFIX[:-1]:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "same-origin"
    return response
