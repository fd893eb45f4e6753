"""One's own account: accept the invitation, and choose how to sign in."""

from itertools import groupby

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, hash_password, login_user
from qrcode import QRCode

from app.maintenance import audit_log
from app.services import current_services
from app.staff import accounts
from app.staff.blueprint import blueprint
from app.staff.models import StaffUser
from app.staff.sign_in import CODE_WINDOW, MIN_PASSWORD_LENGTH, Account, datastore, security

UNCONFIRMED = "totp"  # session key of a secret that is not confirmed yet; it is encrypted


@blueprint.get("/welcome/<token>")
def welcome(token: str) -> ResponseReturnValue:
    """Show the invitation. It is not used up: programs that check links open them."""
    database = current_services().database
    with database.read_session() as db_session:
        invited = accounts.find_invitation(db_session, token, database.now(db_session))
    return render_template("staff/welcome.html", invited=invited), 200 if invited else 410


@blueprint.post("/welcome/<token>")
def accept_invitation(token: str) -> ResponseReturnValue:
    """Use up the invitation, and sign in to choose how to sign in from now on."""
    database = current_services().database
    with database.session() as db_session:
        invited = accounts.find_invitation(db_session, token, database.now(db_session))
        if invited:
            accounts.accept(invited)
    if invited is None:
        return render_template("staff/welcome.html", invited=None), 410
    session.clear()
    user = datastore().find_user(id=invited.id)
    assert user
    login_user(user, authn_via=["invitation"])
    return redirect(url_for(".account"), 303)


@blueprint.get("/account")
def account() -> str:
    return render_template("staff/account.html")


@blueprint.get("/account/passkey-created")
def passkey_created() -> ResponseReturnValue:
    """Go to the inbox after the first passkey, and back to the account after others."""
    is_first = current_user.credential_count == 1
    return redirect(url_for(".inbox" if is_first else ".account"), 303)


@blueprint.get("/account/password")
def password() -> str:
    return _password_page()


@blueprint.post("/account/password")
def set_password() -> ResponseReturnValue:
    """Store a password together with an authenticator app, after a code of the app was right.

    Both at once, so that no account ever has a password alone.
    """
    secret, typed = session.get(UNCONFIRMED), request.form.get("password", "")
    _, normalized = security().password_util.validate(typed, is_register=False)
    if len(normalized or "") < MIN_PASSWORD_LENGTH:
        return _password_page(f"Use {MIN_PASSWORD_LENGTH} characters or more."), 422
    code = "".join(request.form.get("code", "").split())
    if not secret or not security().totp_factory.verify_totp(
        code, secret, current_user, window=CODE_WINDOW
    ):
        return _password_page("The code is not right. Wait for the next one, and enter it."), 422
    _store_password(current_user, hash_password(normalized), secret)
    session.pop(UNCONFIRMED)
    flash("Done. From now on, sign in with your email address, password and a code.", "done")
    return redirect(url_for("security.mf_recovery_codes"), 303)


def _store_password(user: Account, hashed: str, secret: str) -> None:
    database = current_services().database
    with database.session() as db_session:
        row = db_session.get(StaffUser, user.id)
        assert row
        row.password, row.tf_totp_secret = hashed, secret
        now = database.now(db_session)
        audit_log.record(db_session, now, "password set", actor=row.email)


def _password_page(problem: str = "") -> str:
    totp = security().totp_factory
    secret = session.setdefault(UNCONFIRMED, totp.generate_totp_secret())
    return render_template(
        "staff/password.html",
        problem=problem,
        code=_qr_code(totp.get_totp_uri(current_user.email, secret)),
        key=totp.get_totp_pretty_key(secret),
        min_length=MIN_PASSWORD_LENGTH,
    )


def _qr_code(text: str) -> tuple[int, str]:
    """The width of a QR code and its path, a line for each run of dark squares.

    qrcode's own SVG has a shape for each square, which makes it five times as large.
    """
    code = QRCode(border=2)
    code.add_data(text)
    rows = code.get_matrix()
    lines = []
    for y, row in enumerate(rows):
        x = 0
        for dark, squares in groupby(row):
            length = len(list(squares))
            if dark:
                lines.append(f"M{x} {y}.5h{length}")
            x += length
    return len(rows), "".join(lines)
