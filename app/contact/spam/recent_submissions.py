"""What came before: how many others wrote the same, or from the same network, and whether
this very submission did. Asked of the database, so that it holds across workers and hosts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import clock
from app.contact.idempotency import SpamDigests, Submission
from app.contact.models import Inquiry
from app.database import Database, DatabaseClock

SAME_WORDS = timedelta(days=1)
ONE_SOURCE = timedelta(hours=1)
MOST_COUNTED = 100

# Who sends the same again is not another: content_digest is of all the fields.
ANOTHER = Inquiry.content_digest != sa.bindparam("content")
SAME = (
    sa.select(Inquiry.content_digest)
    .distinct()
    .where(
        Inquiry.message_digest == sa.bindparam("message"),
        Inquiry.created_at > sa.bindparam("day"),
        ANOTHER,
    )
)
SOURCE = sa.select(Inquiry.id).where(
    Inquiry.source_digest == sa.bindparam("source"),
    Inquiry.created_at > sa.bindparam("hour"),
    ANOTHER,
)
KEY = sa.exists().where(Inquiry.submission_key == sa.bindparam("key"))


def _count(found: sa.Select[Any]) -> sa.ScalarSelect[int]:
    """Bounded: a flood must not make each of its posts dearer than the one before."""
    some = found.limit(MOST_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


ALL = sa.select(_count(SAME), _count(SOURCE), KEY, DatabaseClock())


@dataclass(frozen=True)
class RecentActivity:
    """Inquiries besides this one: with this message in a day, from this network in an hour.
    More than ``MOST_COUNTED`` are not counted. ``key_exists``: this one came before.
    ``checked_at``: when, by the database server's clock if it has one.
    """

    same_message: int = 0
    same_network: int = 0
    key_exists: bool = True
    checked_at: datetime | None = None


def recent_activity(
    database: Database, submission: Submission, digests: SpamDigests
) -> RecentActivity:
    """Ask before the write lock is taken: two posts at once may both miss the other."""
    now = clock.now()
    values = {
        "key": submission.key,
        "content": submission.content_digest,
        "message": digests.message,  # None equals nothing
        "source": digests.network,
        "day": now - SAME_WORDS,
        "hour": now - ONE_SOURCE,
    }
    try:
        return _ask(database, values)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _ask(database, values)  # it broke while it was not in use


def _ask(database: Database, values: dict[str, Any]) -> RecentActivity:
    with database.read_session() as session:
        same_message, same_network, key_exists, checked_at = session.execute(ALL, values).one()
    return RecentActivity(same_message, same_network, key_exists, checked_at or clock.now())


def clear_spam_digests(session: Session, now: datetime) -> None:
    """Take away what is only counted for a day."""
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.created_at < now - SAME_WORDS)
        .where(sa.or_(Inquiry.source_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(source_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
