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
OTHERS = sa.and_(
    Inquiry.content_digest != sa.bindparam("content"),
    Inquiry.created_at > sa.bindparam("since"),
)
SAME = sa.select(sa.func.count(sa.distinct(Inquiry.content_digest))).where(
    Inquiry.message_digest == sa.bindparam("digest"), OTHERS
)
SOURCE = sa.select(sa.func.count()).where(Inquiry.source_digest == sa.bindparam("digest"), OTHERS)


@dataclass(frozen=True)
class Others:
    """Inquiries besides this one: with this message in a day, from this network in an hour."""

    same_words: int = 0
    one_source: int = 0


def look_back(database: Database, submission: Submission) -> Others:
    """Count before the write lock is taken: two posts at once may both miss the other."""
    now = clock.now()
    with database.read() as session:
        return Others(
            same_words=_count(session, SAME, submission, submission.message, now - SAME_WORDS),
            one_source=_count(session, SOURCE, submission, submission.source, now - ONE_SOURCE),
        )


def _count(
    session: Session,
    query: sa.Select[int],
    submission: Submission,
    digest: bytes | None,
    since: datetime,
) -> int:
    if digest is None:
        return 0
    values = {"content": submission.digest, "digest": digest, "since": since}
    return session.connection().execute(query, values).scalar_one()


def forget_traces(session: Session, now: datetime) -> None:
    """Take away what is only counted for a day."""
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.created_at < now - SAME_WORDS)
        .where(sa.or_(Inquiry.source_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(source_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
