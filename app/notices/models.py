"""The table of notices."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UTCDateTime

MAX_LENGTH = 200


class Notice(Base):
    """A notice of one ``location``, or of all. With ``closed_from``, they are closed from then
    until ``ends_at``; ``text`` may then be empty.
    """

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(MAX_LENGTH))
    location: Mapped[str | None] = mapped_column(sa.String(40))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    closed_from: Mapped[datetime | None] = mapped_column(UTCDateTime)

    def is_shown(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at

    def is_closed(self, now: datetime) -> bool:
        return self.closed_from is not None and self.closed_from <= now

    def concerns(self, location: str | None) -> bool:
        """Whether it is about this location; None stands for all of them."""
        return location is None or self.location in (None, location)
