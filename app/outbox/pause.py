"""The hold: while its one row exists, no mailer claims anything.

A restored database believes undelivered what has long arrived. So it comes up
on hold, and a person looks before old mail goes out again.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, UTCDateTime

ONLY_ROW = 1


class OutboxPause(Base):
    """Why nothing is sent, and since when. No row: mail goes out."""

    __tablename__ = "outbox_pause"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(sa.String(200))


def state(session: Session) -> OutboxPause | None:
    """The hold that is on, or None when mail goes out."""
    return session.get(OutboxPause, ONLY_ROW)


def is_on(session: Session) -> bool:
    """Whether nothing may be claimed; asked before each claim."""
    return session.connection().scalar(sa.select(OutboxPause.id)) is not None


def put_on(session: Session, reason: str, now: datetime) -> None:
    """Let nothing more be claimed; a hold that is on stays as it is."""
    if state(session) is None:
        session.add(OutboxPause(id=ONLY_ROW, since=now, reason=reason))


def release(session: Session) -> bool:
    """Let mail go out; False when it did already."""
    held = session.execute(
        sa.delete(OutboxPause)
        .returning(OutboxPause.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return held is not None
