"""Quarantined inquiries: nobody has them by mail, so somebody must hear that they wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import IS_QUARANTINED, Inquiry


@dataclass(frozen=True)
class QuarantineStats:
    """How many wait for a look; ``oldest`` is how long the first has waited, None if none."""

    count: int = 0
    oldest: timedelta | None = None


def quarantine_stats(session: Session, now: datetime) -> QuarantineStats:
    query = sa.select(sa.func.count(), sa.func.min(Inquiry.created_at)).where(IS_QUARANTINED)
    count, first = session.execute(query).one()
    return QuarantineStats(count, max(now - first, timedelta(0)) if first else None)
