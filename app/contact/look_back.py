"""How many others wrote the same, or from the same network: counted in the database, so
that it holds across workers and hosts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.contact.inquiry import Inquiry
from app.contact.receive import Submission
from app.db import Database

SAME_WORDS = timedelta(days=1)
ONE_SOURCE = timedelta(hours=1)

# Who sends the same again is not another: content_digest is of all the fields.
ANOTHER = Inquiry.content_digest != sa.bindparam("content")
SAME = sa.select(sa.func.count(sa.distinct(Inquiry.content_digest))).where(
    Inquiry.message_digest == sa.bindparam("message"),
    Inquiry.created_at > sa.bindparam("day"),
    ANOTHER,
)
SOURCE = sa.select(sa.func.count()).where(
    Inquiry.source_digest == sa.bindparam("source"),
    Inquiry.created_at > sa.bindparam("hour"),
    ANOTHER,
)
BOTH = sa.select(SAME.scalar_subquery(), SOURCE.scalar_subquery())


@dataclass(frozen=True)
class Others:
    """Inquiries besides this one: with this message in a day, from this network in an hour."""

    same_words: int = 0
    one_source: int = 0


def look_back(database: Database, submission: Submission) -> Others:
    """Count before the write lock is taken: two posts at once may both miss the other."""
    now = clock.now()
    values = {
        "content": submission.digest,
        "message": submission.message,  # None equals nothing
        "source": submission.source,
        "day": now - SAME_WORDS,
        "hour": now - ONE_SOURCE,
    }
    with database.read() as session:
        return Others(*session.connection().execute(BOTH, values).one())


def forget_traces(session: Session, now: datetime) -> None:
    """Take away what is only counted for a day."""
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.created_at < now - SAME_WORDS)
        .where(sa.or_(Inquiry.source_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(source_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
