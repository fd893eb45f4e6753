"""Counts other networks with the same message, and recent inquiries from the same network.

The counts come from the database, so they include all workers and hosts.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.idempotency import Submission
from app.contact.models import Inquiry
from app.contact.spam.scoring import SpamSignals

MESSAGE_PERIOD = timedelta(days=1)
NETWORK_PERIOD = timedelta(hours=1)
MAX_ROWS = 1000  # so that the queries do not become slower during a flood


def count_similar(
    session: Session, signals: SpamSignals, submission: Submission, now: datetime
) -> SpamSignals:
    """``signals`` with the numbers of similar inquiries.

    A message counts once for each other network, so that one sender cannot make the messages
    of other people look like spam.
    """
    counts = session.connection().execute(
        COUNTS,
        {
            "content": submission.content_digest,
            "message": submission.message_digest,
            "network": submission.network_digest,
            "message_since": now - MESSAGE_PERIOD,
            "network_since": now - NETWORK_PERIOD,
        },
    )
    same_message, same_network = counts.one()
    return replace(signals, same_message=same_message, same_network=same_network)


def _count(value: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]) -> Any:
    """Count the different values among the first MAX_ROWS, so that a flood does not slow this."""
    # A visitor who sends the same inquiry again does not count: this digest is of all fields.
    is_other = Inquiry.content_digest != sa.bindparam("content")
    rows = sa.select(value.label("value")).where(*conditions, is_other).limit(MAX_ROWS).subquery()
    return sa.select(sa.func.count(rows.c.value.distinct())).scalar_subquery()


# Built once: building it for each post took longer than running it. Without digests, which are
# NULL then, nothing is counted.
COUNTS = sa.select(
    _count(
        Inquiry.__table__.c.network_digest,
        Inquiry.message_digest == sa.bindparam("message"),
        Inquiry.network_digest != sa.bindparam("network"),
        Inquiry.created_at > sa.bindparam("message_since"),
    ),
    _count(
        Inquiry.__table__.c.id,
        Inquiry.network_digest == sa.bindparam("network"),
        Inquiry.created_at > sa.bindparam("network_since"),
    ),
)


def clear_spam_digests(session: Session, now: datetime) -> None:
    """Remove the digests that are kept for a day only."""
    session.execute(
        sa.update(Inquiry)
        # Those from the future were received while the clock was wrong.
        .where(~Inquiry.created_at.between(now - MESSAGE_PERIOD, now + MESSAGE_PERIOD))
        .where(sa.or_(Inquiry.network_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(network_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
