"""Who looked at what visitors wrote: one row for each look, with no word of it.

Kept in the database, not in the log: a command's log is the terminal of whoever
runs it. The row is written before anything is shown.
"""

import getpass
import os
import socket
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, UTCDateTime


class AuditEvent(Base):
    """Somebody's act on one inquiry, or (``reference`` is None) on many. ``actor`` is a
    system's user and host.
    """

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    action: Mapped[str] = mapped_column(sa.String(40))
    reference: Mapped[str | None] = mapped_column(sa.String(7), index=True)
    actor: Mapped[str] = mapped_column(sa.String(80))


def record(session: Session, now: datetime, action: str, reference: str | None = None) -> None:
    """Write into the caller's transaction that this user did ``action``."""
    session.add(AuditEvent(occurred_at=now, action=action, reference=reference, actor=_user()))


def recent_events(session: Session, reference: str | None, limit: int) -> list[AuditEvent]:
    """The newest ones, of one inquiry or of all."""
    query = sa.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if reference:
        query = query.where(AuditEvent.reference == reference)
    return list(session.scalars(query))


def _user() -> str:
    """The person behind sudo, where there is one."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = str(os.getuid())
    return f"{name[:40]}@{socket.gethostname()[:39]}"
