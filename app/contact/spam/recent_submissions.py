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
    message, network = submission.message_digest, submission.network_digest
    # A visitor who sends the same inquiry again does not count: this digest is of all fields.
    is_other = Inquiry.content_digest != submission.content_digest
    same_message = (
        sa.select(Inquiry.network_digest.label("value"))
        .where(Inquiry.message_digest == message, Inquiry.network_digest != network, is_other)
        .where(Inquiry.created_at > now - MESSAGE_PERIOD)
    )
    same_network = (
        sa.select(Inquiry.id.label("value"))
        .where(Inquiry.network_digest == network, is_other)
        .where(Inquiry.created_at > now - NETWORK_PERIOD)
    )
    return replace(
        signals,
        same_message=_count(session, same_message) if message and network else 0,
        same_network=_count(session, same_network) if network else 0,
    )


def _count(session: Session, query: sa.Select[Any]) -> int:
    """Count the different values among the first MAX_ROWS, so that a flood does not slow this."""
    rows = query.limit(MAX_ROWS).subquery()
    return session.scalar(sa.select(sa.func.count(rows.c.value.distinct()))) or 0


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
