"""Staff accounts: invitations, roles, disabling. The console and ``flask staff`` use this.

An invitation is a link that works once. It signs in an account without credentials, which can
then only choose how to sign in from then on.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.email_addresses import parse_address
from app.staff.models import MAX_EMAIL_LENGTH, StaffUser

INVITATION_LIFETIME = timedelta(hours=24)


class Role(StrEnum):
    """Desk: reads, answers and releases inquiries, adds notes and notices. Manager: also erases,
    exports, reads the audit log and manages accounts.
    """

    DESK = "desk"
    MANAGER = "manager"


class AccountError(Exception):
    """Nothing was changed. The message is one sentence for the person who tried."""


class AccountExistsError(AccountError):
    """The account can get a new invitation by a reset only."""


def list_accounts(session: Session) -> Sequence[StaffUser]:
    return session.scalars(sa.select(StaffUser).order_by(StaffUser.email)).all()


def find_account(session: Session, email: str) -> StaffUser:
    """Return the account, locked in a writing transaction. Raises AccountError."""
    query = sa.select(StaffUser).where(StaffUser.email == email.strip().lower())
    account = session.scalar(query.with_for_update())
    if account is None:
        raise AccountError(f"There is no account {email}.")
    return account


def invite(session: Session, email: str, role: Role, now: datetime) -> tuple[StaffUser, str]:
    """Create an account. Returns it and the token of its invitation.

    An invitation that was not accepted is replaced. Raises AccountExistsError if the account
    has a way to sign in or is disabled.
    """
    email = _normalize(email)
    account = session.scalar(sa.select(StaffUser).where(StaffUser.email == email))
    if account and (account.has_credentials or not account.active):
        state = "has an account already" if account.active else "has a disabled account"
        raise AccountExistsError(f"{email} {state}.")
    if account is None:
        account = StaffUser(
            email=email,
            created_at=now,
            fs_uniquifier=secrets.token_hex(32),
            fs_webauthn_user_handle=secrets.token_hex(32),
        )
        session.add(account)
    account.role, account.active = role, True
    return account, _new_invitation(account, now)


def reset(account: StaffUser, now: datetime) -> str:
    """Remove all credentials, end all sessions, and return the token of a new invitation."""
    account.password = account.tf_totp_secret = account.totp_counter = None
    account.mf_recovery_codes, account.failed_count, account.failed_at = None, 0, None
    account.webauthn.clear()
    account.active = True
    end_sessions(account)
    return _new_invitation(account, now)


def disable(account: StaffUser) -> None:
    """Refuse sign-ins from now on, and end all sessions."""
    account.active, account.invitation_digest = False, None
    end_sessions(account)


def enable(account: StaffUser) -> None:
    """Accept sign-ins again, with the same credentials."""
    account.active = True


def end_sessions(account: StaffUser) -> None:
    """Make every session cookie of the account invalid."""
    account.fs_uniquifier = secrets.token_hex(32)


def find_invitation(session: Session, token: str, now: datetime) -> StaffUser | None:
    """Return the account that ``token`` invites, locked in a writing transaction.

    None if it was used, replaced or never made, or if it has expired.
    """
    query = sa.select(StaffUser).where(StaffUser.invitation_digest == _digest(token))
    account = session.scalar(query.with_for_update())
    if account is None or not account.active or account.invitation_expires_at is None:
        return None
    return account if account.invitation_expires_at > now else None


def accept(account: StaffUser) -> None:
    """Use up the invitation."""
    account.invitation_digest = account.invitation_expires_at = None


def invitation_url(staff_url: str, token: str) -> str:
    return f"{staff_url}welcome/{token}"


def _new_invitation(account: StaffUser, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    account.invitation_digest = _digest(token)
    account.invitation_expires_at = now + INVITATION_LIFETIME
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _normalize(email: str) -> str:
    if len(email) > MAX_EMAIL_LENGTH:
        raise AccountError(f"An email address can have at most {MAX_EMAIL_LENGTH} characters.")
    if (address := parse_address(email)) is None:
        raise AccountError(f"{email} is not an email address.")
    return address.normalized.lower()
