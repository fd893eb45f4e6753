"""Counts recent inquiries with the same message or from the same network.

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


def _count(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    """Limited, so that the queries do not become slower during a flood."""
    rows = query.limit(MAX_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


COUNTS = sa.select(_count(SAME_MESSAGE), _count(SAME_NETWORK))


def count_similar(
    session: Session, signals: SpamSignals, submission: Submission, now: datetime
) -> SpamSignals:
    """``signals`` with the numbers of similar inquiries, each at most MAX_COUNTED."""
    values = {
        "content": submission.content_digest,
        "message": submission.message_digest,  # NULL equals nothing
        "network": submission.network_digest,
        "message_since": now - MESSAGE_PERIOD,
        "network_since": now - NETWORK_PERIOD,
    }
    same_message, same_network = session.execute(COUNTS, values).one()
    return replace(signals, same_message=same_message, same_network=same_network)


def clear_spam_digests(session: Session, now: datetime) -> None:
    """Remove the digests that are kept for a day only."""
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.created_at < now - MESSAGE_PERIOD)
        .where(sa.or_(Inquiry.network_digest.is_not(None), Inquiry.message_digest.is_not(None)))
        .values(network_digest=None, message_digest=None)
        .execution_options(synchronize_session=False)
    )
