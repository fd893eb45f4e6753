"""The tables of staff accounts and their passkeys.

Some columns have names that Flask-Security expects. Commands load these models without it.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base, UTCDateTime

MAX_EMAIL_LENGTH = 80  # as in the audit log


class WebAuthnCredential(Base):
    """A passkey. ``lastuse_datetime`` is of its last sign-in, or of its registration."""

    __tablename__ = "webauthn_credential"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("staff_user.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(64))
    credential_id: Mapped[bytes] = mapped_column(sa.LargeBinary(1024), unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    transports: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(sa.String(64))
    extensions: Mapped[str | None] = mapped_column(sa.Text)
    lastuse_datetime: Mapped[datetime] = mapped_column(UTCDateTime)
    usage: Mapped[str] = mapped_column(sa.String(64))

    def get_user_mapping(self) -> dict[str, int]:
        """For Flask-Security: the column and value that find the owner."""
        return {"id": self.user_id}


class StaffUser(Base):
    """An account. ``email`` is in lower case.

    The session cookie contains ``fs_uniquifier``: a new value ends all sessions of the account.
    ``password`` is an Argon2 hash, ``tf_totp_secret`` encrypted, and ``mf_recovery_codes`` are
    Argon2 hashes. ``totp_counter`` is the time step of the last code that was used.
    """

    __tablename__ = "staff_user"
    __table_args__ = (sa.CheckConstraint("role in ('desk', 'manager')", name="known_role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(MAX_EMAIL_LENGTH), unique=True)
    role: Mapped[str] = mapped_column(sa.String(10))
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    invitation_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32), unique=True)
    invitation_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    password: Mapped[str | None] = mapped_column(sa.String(255))
    tf_totp_secret: Mapped[str | None] = mapped_column(sa.Text)
    totp_counter: Mapped[int | None] = mapped_column(sa.BigInteger)
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    failed_count: Mapped[int] = mapped_column(default=0)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    fs_uniquifier: Mapped[str] = mapped_column(sa.String(64), unique=True)
    fs_webauthn_user_handle: Mapped[str] = mapped_column(sa.String(64), unique=True)
    webauthn: Mapped[list[WebAuthnCredential]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by=WebAuthnCredential.id
    )

    @property
    def credential_count(self) -> int:
        """The number of ways to sign in: each passkey, and the password with its codes."""
        return len(self.webauthn) + bool(self.password and self.tf_totp_secret)

    @property
    def has_credentials(self) -> bool:
        return self.credential_count > 0

    @property
    def state(self) -> str:
        """``active``, ``invited`` (cannot sign in yet) or ``disabled``."""
        if not self.active:
            return "disabled"
        return "active" if self.has_credentials else "invited"
