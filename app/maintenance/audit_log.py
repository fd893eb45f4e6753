"""Audit log of staff access to inquiry content.

It is kept in the database, because a command logs to the terminal of the person who runs
it. An event is written before content is shown and contains none of it. Retention deletes events
after AUDIT_RETENTION_DAYS.
"""

import getpass
import os
import socket
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, UTCDateTime


class AuditEvent(Base):
    """An action on one inquiry or, without ``reference``, on many or on an account.

    ``actor`` is the email address of an account of the staff console, or a system user@host.
    """

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    action: Mapped[str] = mapped_column(sa.String(120))
    reference: Mapped[str | None] = mapped_column(sa.String(7), index=True)
    actor: Mapped[str] = mapped_column(sa.String(80))


def record(
    session: Session,
    now: datetime,
    action: str,
    reference: str | None = None,
    *,
    actor: str | None = None,
) -> None:
    """Add an event to the caller's transaction, by default for the current system user."""
    actor = actor or current_user()
    session.add(AuditEvent(occurred_at=now, action=action, reference=reference, actor=actor))


def delete_expired(session: Session, now: datetime, days: int) -> None:
    """Delete the events older than ``days``."""
    session.execute(
        sa.delete(AuditEvent)
        .where(AuditEvent.occurred_at < now - timedelta(days=days))
        .execution_options(synchronize_session=False)
    )


def recent_events(session: Session, reference: str, limit: int) -> list[AuditEvent]:
    """Return the newest events, of one inquiry or, if ``reference`` is empty, of all."""
    query = sa.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if reference:
        query = query.where(AuditEvent.reference == reference)
    return list(session.scalars(query))


def current_user() -> str:
    """``user@host``: the system user; under sudo, the user who called it."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = str(os.getuid())
    return f"{name[:40]}@{socket.gethostname()[:39]}"
