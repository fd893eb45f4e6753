"""Signing in, by Flask-Security: a passkey, or a password and a code. Never a password alone.

Our own part is what Flask-Security leaves to applications: how accounts are stored, that codes and
passkey responses work once, that guesses lock an account, and plain words.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, request, session
from flask_login import user_logged_out
from flask_security import (
    MfRecoveryCodesUtil,
    RoleMixin,
    Security,
    Totp,
    UserDatastore,
    UserMixin,
    WebAuthnDeleteForm,
    WebAuthnSigninResponseForm,
    WebauthnUtil,
    current_user,
    hash_password,
    user_authenticated,
    verify_password,
    wan_deleted,
    wan_registered,
)
from passlib.exc import UsedTokenError
from passlib.totp import TotpMatch
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app import clock
from app.database import Database
from app.maintenance import audit_log
from app.services import current_services
from app.staff import accounts
from app.staff.accounts import Role
from app.staff.models import StaffUser, WebAuthnCredential

SESSION_LIFETIME = timedelta(hours=12)
IDLE_LIFETIME = timedelta(minutes=30)
REAUTHENTICATION_WINDOW = timedelta(minutes=10)  # after it, some views need a new sign-in
MAX_FAILURES = 10  # wrong passwords and codes of an account, before it is locked
LOCK_DURATION = timedelta(minutes=15)
MIN_PASSWORD_LENGTH = 15
CODE_WINDOW = 30  # seconds that the clock of a phone may be wrong
# OWASP's recommendation with the least memory (Password Storage Cheat Sheet).
ARGON2 = {"argon2__memory_cost": 19_456, "argon2__time_cost": 2, "argon2__parallelism": 1}

LOCKED = f"After {MAX_FAILURES} mistakes, wait {LOCK_DURATION.seconds // 60} minutes."
WRONG = f"The email address, password or code is not right. {LOCKED}"
WRONG_CODE = f"The code is not right. Wait for the next one. {LOCKED}"
WRONG_RECOVERY_CODE = f"The code is not right, or was used before. {LOCKED}"
NO_PASSKEY = "That passkey did not work. Try again, or ask a manager for a new invitation."
ONLY_PASSKEY = "This is your only way to sign in. First create another passkey, or set a password."
START_AGAIN = "That took too long. Please start again."
MESSAGES = {
    "API_ERROR": START_AGAIN,
    "DISABLED_ACCOUNT": NO_PASSKEY,
    "GENERIC_AUTHN_FAILED": WRONG,
    "INVALID_RECOVERY_CODE": WRONG_RECOVERY_CODE,
    "INVALID_REDIRECT": "That address is not part of this site.",
    "TWO_FACTOR_INVALID_TOKEN": WRONG_CODE,
    "TWO_FACTOR_LOGIN_SUCCESSFUL": "You are signed in.",
    "TWO_FACTOR_PERMISSION_DENIED": "Please sign in.",
    "WEBAUTHN_CREDENTIAL_DELETED": "The passkey “%(name)s” is removed.",
    "WEBAUTHN_CREDENTIAL_ID_INUSE": "This device has a passkey for your account already.",
    "WEBAUTHN_EXPIRED": START_AGAIN,
    "WEBAUTHN_MISMATCH_USER_HANDLE": NO_PASSKEY,
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": "Use only letters and digits for the name.",
    "WEBAUTHN_NAME_INUSE": "You have a passkey called “%(name)s” already. Choose another name.",
    "WEBAUTHN_NAME_REQUIRED": "Enter a name for the passkey, such as “Front desk computer”.",
    "WEBAUTHN_NO_VERIFY": NO_PASSKEY,
    "WEBAUTHN_ORPHAN_CREDENTIAL_ID": NO_PASSKEY,
    "WEBAUTHN_REGISTER_SUCCESSFUL": "Done. From now on, sign in with the passkey “%(name)s”.",
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": NO_PASSKEY,
}

# How the audit log names sign-ins at these endpoints.
SIGN_IN_ACTIONS = {
    "security.mf_recovery": "signed in with a recovery code",
    "staff.accept_invitation": "invitation accepted",
}
GOOD_NEWS = {
    "TWO_FACTOR_LOGIN_SUCCESSFUL", "WEBAUTHN_CREDENTIAL_DELETED", "WEBAUTHN_REGISTER_SUCCESSFUL"
}  # fmt: skip


class Account(UserMixin, StaffUser):  # type: ignore[misc]
    """An account with what Flask-Security asks of one."""

    @property
    def tf_primary_method(self) -> str | None:  # type: ignore[override]
        return "authenticator" if self.tf_totp_secret else None

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER

    def is_locked(self, form_error: list[str] | None = None) -> bool:
        """Whether passwords and codes are refused, right or wrong. Passkeys cannot be guessed."""
        if request.endpoint == "security.wan_signin_response" or not _is_locked(self, clock.now()):
            return False
        if form_error is not None:
            form_error.append(WRONG)
        return True

    def track_failed_authn(self, auth_type: str, tfa: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Count a wrong password or code."""
        database = current_services().database
        with database.session() as session:
            user = session.get(StaffUser, self.id, with_for_update=True)
            now = database.now(session)
            if user is None or _is_locked(user, now):
                return
            recent = user.failed_at is not None and now - user.failed_at < LOCK_DURATION
            user.failed_count = user.failed_count + 1 if recent else 1
            user.failed_at = now
            audit_log.record(session, now, f"sign-in failed: {auth_type}", actor=user.email)


def _is_locked(user: StaffUser, now: datetime) -> bool:
    is_recent = user.failed_at is not None and now - user.failed_at < LOCK_DURATION
    return user.failed_count >= MAX_FAILURES and is_recent


class StaffDatastore(UserDatastore):
    """Reads and writes accounts in short transactions, so that no view holds the write lock."""

    def __init__(self, database: Database) -> None:
        super().__init__(Account, RoleMixin, WebAuthnCredential)  # type: ignore[arg-type]
        self._database = database

    def commit(self) -> None:
        """Nothing is left to commit."""

    def put(self, model: Any) -> Any:
        """Store a new object, or the attributes that were changed on one."""
        with self._database.session() as session:
            session.add(model)
        return model

    def delete(self, model: Any) -> None:
        with self._database.session() as session:
            session.delete(model)

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> Account | None:  # noqa: FBT001, FBT002
        ((name, value),) = kwargs.items()
        value = value.lower() if case_insensitive else value
        query = sa.select(Account).where(getattr(Account, name) == value)
        with self._database.read_session() as session:
            return session.scalar(query)

    def find_webauthn(self, credential_id: bytes) -> Any:
        query = sa.select(WebAuthnCredential).where(
            WebAuthnCredential.credential_id == credential_id
        )
        with self._database.read_session() as session:
            return session.scalar(query)

    def create_webauthn(self, user: Any, **values: Any) -> None:  # type: ignore[override]
        self.put(WebAuthnCredential(user_id=user.id, lastuse_datetime=clock.now(), **values))

    def claim(self, model: type[Any], key: int, column: str, value: Any, *, before: Any) -> bool:
        """Set ``column`` unless it is ``before`` or later: of two that try, one succeeds."""
        attribute = getattr(model, column)
        query = (
            sa.update(model)
            .where(model.id == key, sa.or_(attribute.is_(None), attribute < before))
            .values({column: value})
            .returning(model.id)
            .execution_options(synchronize_session=False)
        )
        with self._database.session() as session:
            return session.scalar(query) is not None


class StaffTotp(Totp):
    """Codes of an authenticator app. Each works once (RFC 6238, section 5.2)."""

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        return not user.is_locked() and super().verify_totp(token, totp_secret, user, window)

    def get_last_counter(self, user: Any) -> int | None:
        counter: int | None = user.totp_counter
        return counter

    def set_last_counter(self, user: Any, tmatch: TotpMatch) -> None:
        counter = tmatch.counter
        if not datastore().claim(StaffUser, user.id, "totp_counter", counter, before=counter):
            raise UsedTokenError


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes replace those of the authenticator app. They are stored as hashes."""

    def create_recovery_codes(self, user: Any) -> list[str]:
        codes = security().totp_factory.generate_recovery_codes(8)
        datastore().mf_set_recovery_codes(user, [hash_password(code) for code in codes])
        _record("new recovery codes", user)
        return codes

    def get_recovery_codes(self, user: Any) -> list[str]:  # noqa: ARG002
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Use up ``code``. False if it is not one of the user's codes, or no longer."""
        hashes = () if user.is_locked() else user.mf_recovery_codes or ()
        plain = "".join(filter(str.isalnum, code)).lower()
        code = f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"
        used = next((hashed for hashed in hashes if verify_password(code, hashed)), None)
        with current_services().database.session() as session:
            row = session.get(StaffUser, user.id, with_for_update=True)
            if used and row and used in (row.mf_recovery_codes or ()):
                row.mf_recovery_codes = [x for x in row.mf_recovery_codes or () if x != used]
                return True
        user.track_failed_authn("recovery code")
        return False

    def delete_recovery_code(self, user: Any, code: str) -> bool:  # noqa: ARG002
        return True  # done by check_recovery_code, once


class Passkeys(WebauthnUtil):
    """Passkeys replace password and code: the device knows the account, and checks its owner."""

    def origin(self) -> str:
        """With the port, which a proxy may leave out of the Host header."""
        origin: str = current_app.config["STAFF_ORIGIN"]
        return origin

    def generate_challenge(self, nbytes: int | None = None) -> str:
        return f"{super().generate_challenge(nbytes)}.{clock.now().timestamp():.6f}"

    def authenticator_selection(
        self,
        user: Any,  # noqa: ARG002
        usage: str,  # noqa: ARG002
    ) -> AuthenticatorSelectionCriteria:
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        )

    def user_verification(self, user: Any, usage: list[str]) -> UserVerificationRequirement:  # noqa: ARG002
        return UserVerificationRequirement.REQUIRED


class PasskeyResponseForm(WebAuthnSigninResponseForm):
    """The response of a passkey. It works once, for an account that is not disabled."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs):
            return False
        assert self.user
        assert self.cred
        issued = datetime.fromtimestamp(float(self.challenge.split(".", 1)[1]), UTC)
        if self.user.active and datastore().claim(
            WebAuthnCredential, self.cred.id, "lastuse_datetime", clock.now(), before=issued
        ):
            return True
        self.credential.errors = [NO_PASSKEY]
        return False


class PasskeyRemovalForm(WebAuthnDeleteForm):
    """Removes a passkey, unless its owner could then no longer sign in."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs):
            return False
        if current_user.credential_count > 1:
            return True
        self.name.errors = [ONLY_PASSKEY]
        return False


def init_sign_in(app: Flask, database: Database, *, secret_key: str, name: str) -> None:
    """Set up Flask-Security. ``name`` is what passkeys and authenticator apps show."""
    app.config.update(_settings(secret_key, name))
    extension = Security(
        app,
        StaffDatastore(database),
        totp_cls=StaffTotp,
        webauthn_util_cls=Passkeys,
        mf_recovery_codes_util_cls=RecoveryCodes,
        wan_signin_response_form=PasskeyResponseForm,
        wan_delete_form=PasskeyRemovalForm,
    )
    extension.want_json(lambda _request: False)
    # Without these, an access token in a request would be a session without our limits.
    extension.login_manager.request_loader(lambda _request: None)
    extension.login_manager.session_protection = None
    user_authenticated.connect(_on_sign_in, app)
    user_logged_out.connect(_on_sign_out, app)
    wan_registered.connect(_on_passkey_added, app)
    wan_deleted.connect(_on_passkey_removed, app)


def security() -> Security:
    extension = current_app.extensions["security"]
    assert isinstance(extension, Security)
    return extension


def datastore() -> StaffDatastore:
    store = security().datastore
    assert isinstance(store, StaffDatastore)
    return store


def _settings(secret_key: str, name: str) -> Mapping[str, Any]:
    messages = {
        f"MSG_{key}": (text, "done" if key in GOOD_NEWS else "error")
        for key, text in MESSAGES.items()
    }
    settings = {
        "URL_PREFIX": "/staff",
        "STATIC_FOLDER": None,
        "CLI_USERS_NAME": None,
        "CLI_ROLES_NAME": None,
        "API_ENABLED_METHODS": ["session"],
        "CSRF_PROTECT_MECHANISMS": ["session"],
        "LOGOUT_CSRF": True,
        "RETURN_GENERIC_RESPONSES": True,
        "FRESHNESS": timedelta(-1),  # access.py decides what needs a fresh sign-in
        "DATETIME_FACTORY": clock.now,
        "LOGIN_URL": "/sign-in",
        "LOGIN_USER_TEMPLATE": "staff/sign_in.html",
        "LOGOUT_URL": "/sign-out",
        "POST_LOGIN_VIEW": "/staff/",
        "POST_LOGOUT_VIEW": "/staff/sign-in",
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_SINGLE_HASH": True,
        "PASSWORD_HASH_PASSLIB_OPTIONS": ARGON2,
        "PASSWORD_LENGTH_MIN": MIN_PASSWORD_LENGTH,
        "TWO_FACTOR": True,
        "TWO_FACTOR_REQUIRED": True,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": CODE_WINDOW,
        "TWO_FACTOR_TOKEN_VALIDATION_URL": "/sign-in/code",
        "TWO_FACTOR_VERIFY_CODE_TEMPLATE": "staff/code.html",
        "TOTP_SECRETS": {1: sha256(b"staff-totp:" + secret_key.encode()).hexdigest()},
        "TOTP_ISSUER": name,
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
        "MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "staff/recovery_codes.html",
        "MULTI_FACTOR_RECOVERY_URL": "/sign-in/recovery-code",
        "MULTI_FACTOR_RECOVERY_TEMPLATE": "staff/recovery_code.html",
        "WEBAUTHN": True,
        "WAN_RP_NAME": name,
        "WAN_ALLOW_USER_HINTS": False,
        "WAN_REGISTER_URL": "/account/passkeys",
        "WAN_REGISTER_TEMPLATE": "staff/new_passkey.html",
        "WAN_POST_REGISTER_VIEW": "/staff/account/passkey-created",
        "WAN_DELETE_URL": "/account/passkeys/delete",
        "WAN_SIGNIN_URL": "/sign-in/passkey",
        "WAN_SIGNIN_TEMPLATE": "staff/passkey.html",
        "WAN_SIGNIN_WITHIN": timedelta(minutes=5),
        "WAN_SIGNIN_TIMEOUT": 300_000,
        **messages,
    }
    return {f"SECURITY_{key}": value for key, value in settings.items()}


def _on_sign_in(_app: Flask, user: Account, **_: Any) -> None:
    session.permanent = True  # ends IDLE_LIFETIME after the last request
    session["started_at"] = clock.now().timestamp()
    database = current_services().database
    with database.session() as db_session:
        now = database.now(db_session)
        row = db_session.get(StaffUser, user.id)
        assert row
        row.failed_count, row.failed_at, row.last_sign_in_at = 0, None, now
        action = SIGN_IN_ACTIONS.get(request.endpoint or "", "signed in")
        audit_log.record(db_session, now, action, actor=row.email)


def _on_sign_out(_app: Flask, user: Account, **_: Any) -> None:
    """End all sessions of the account: a copied cookie must not outlive the sign-out."""
    database = current_services().database
    with database.session() as db_session:
        row = db_session.get(StaffUser, user.id)
        assert row
        accounts.end_sessions(row)
        audit_log.record(db_session, database.now(db_session), "signed out", actor=row.email)


def _on_passkey_added(_app: Flask, user: Account, name: str, **_: Any) -> None:
    _record(f"passkey added: {name}", user)


def _on_passkey_removed(_app: Flask, user: Account, name: str, **_: Any) -> None:
    _record(f"passkey removed: {name}", user)


def _record(action: str, user: Account) -> None:
    """Add an event to the audit log. The name of a passkey has at most 64 characters."""
    database = current_services().database
    with database.session() as db_session:
        audit_log.record(db_session, database.now(db_session), action, actor=user.email)
