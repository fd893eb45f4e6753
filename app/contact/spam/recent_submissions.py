"""Counts recent duplicates and inquiries from the same network.

The counts come from the database, so they include all workers and hosts.
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

MESSAGE_PERIOD = timedelta(days=1)
NETWORK_PERIOD = timedelta(hours=1)
MAX_COUNTED = 100

# A visitor who sends the same inquiry again does not count: content_digest is of all fields.
OTHER_CONTENT = Inquiry.content_digest != sa.bindparam("content")
SAME_MESSAGE = (
    sa.select(Inquiry.content_digest)
    .distinct()
    .where(
        Inquiry.message_digest == sa.bindparam("message"),
        Inquiry.created_at > sa.bindparam("message_since"),
        OTHER_CONTENT,
    )
)
SAME_NETWORK = sa.select(Inquiry.id).where(
    Inquiry.network_digest == sa.bindparam("network"),
    Inquiry.created_at > sa.bindparam("network_since"),
    OTHER_CONTENT,
)
KEY_EXISTS = sa.exists().where(Inquiry.submission_key == sa.bindparam("key"))


def _count(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    """Limited, so that the queries do not become slower during a flood."""
    rows = query.limit(MAX_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


QUERY = sa.select(_count(SAME_MESSAGE), _count(SAME_NETWORK), KEY_EXISTS, DatabaseClock())


@dataclass(frozen=True)
class RecentActivity:
    """Other inquiries, up to ``MAX_COUNTED``: with the same message in a day, and from the same
    network in an hour.

    ``key_exists``: this submission may have been stored before; if not, the write transaction
    need not look for it. ``checked_at`` is by the database server's clock if there is one.
    """

    same_message: int = 0
    same_network: int = 0
    key_exists: bool = True
    checked_at: datetime | None = None


def recent_activity(
    database: Database, submission: Submission, digests: SpamDigests
) -> RecentActivity:
    """Runs before the write lock is taken, so two simultaneous posts may not count each other."""
    now = clock.now()
    values = {
        "key": submission.key,
        "content": submission.content_digest,
        "message": digests.message,  # NULL equals nothing
        "network": digests.network,
        "message_since": now - MESSAGE_PERIOD,
        "network_since": now - NETWORK_PERIOD,
    }
    try:
        return _query(database, values)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _query(database, values)  # the idle connection was lost: the pool opens a new one


def _query(database: Database, values: dict[str, Any]) -> RecentActivity:
    with database.read_session() as session:
        same_message, same_network, key_exists, checked_at = session.execute(QUERY, values).one()
    return RecentActivity(same_message, same_network, key_exists, checked_at or clock.now())


def clear_spam_digests(session: Session, now: datetime) -> None:
    """Remove the digests that are kept for a day only."""
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.created_at < now - MESSAGE_PERIOD)
        .where(sa.or_(Inquiry.network_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(network_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
