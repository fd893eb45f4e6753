"""Whether a visitor gets a mail that says "received": at most one per address and hour.

Anybody may type anybody's address. So it is remembered for a while to whom such a
mail was written, as a keyed digest, in the database: it holds on all hosts.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, UTCDateTime

PAUSE = timedelta(hours=1)


class Acknowledgement(Base):
    """The last mail to one address; ``address_digest`` leads back to no address."""

    __tablename__ = "acknowledgement"

    address_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


def take_turn(connection: sa.Connection, digest: bytes, now: datetime) -> bool:
    """Whether one may be written now; then the next hour is taken.

    Raises IntegrityError when another request took the very first turn meanwhile.
    """
    ours = Acknowledgement.address_digest == digest
    # Later than now: the clock was set back.
    free = sa.or_(Acknowledgement.written_at <= now - PAUSE, Acknowledgement.written_at > now)
    moved = sa.update(Acknowledgement).where(ours, free).values(written_at=now)
    if connection.execute(moved.returning(Acknowledgement.written_at)).one_or_none():
        return True
    if connection.scalar(sa.select(sa.exists().where(ours))):
        return False
    connection.execute(sa.insert(Acknowledgement).values(address_digest=digest, written_at=now))
    return True


def forget_addresses(session: Session, now: datetime) -> None:
    """Let go of the digests whose hour is over."""
    over = Acknowledgement.written_at <= now - PAUSE
    session.connection().execute(sa.delete(Acknowledgement).where(over))
