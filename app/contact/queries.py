"""Queries on quarantined and unanswered inquiries, and on acknowledgement limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import age
from app.contact.models import (
    IS_TO_REVIEW,
    IS_UNANSWERED,
    AcknowledgementLimit,
    Inquiry,
)

ACKNOWLEDGEMENT_INTERVAL = timedelta(hours=1)
# In this time: all addresses of a domain may lead to one mailbox.
MAX_PER_DOMAIN = 10
MAX_ACKNOWLEDGEMENTS = 60


@dataclass(frozen=True)
class WaitingStats:
    """How many inquiries wait for a person; ``oldest`` is the age of the first, None if none."""

    count: int = 0
    oldest: timedelta | None = None


def find_inquiry(session: Session, reference: str, *, lock: bool = True) -> Inquiry | None:
    """The inquiry, locked against changes in a writing transaction."""
    query = sa.select(Inquiry).where(Inquiry.reference == reference.strip().upper())
    return session.scalar(query.with_for_update() if lock else query)


def quarantine_stats(session: Session, now: datetime) -> WaitingStats:
    """The quarantined inquiries that nobody has marked as spam."""
    return _waiting_stats(session, IS_TO_REVIEW, now)


def unanswered_stats(session: Session, now: datetime) -> WaitingStats:
    """The inquiries that nobody has marked as answered."""
    return _waiting_stats(session, IS_UNANSWERED, now)


def _waiting_stats(session: Session, condition: sa.TextClause, now: datetime) -> WaitingStats:
    query = sa.select(sa.func.count(), sa.func.min(Inquiry.created_at)).where(condition)
    count, first = session.execute(query).one()
    return WaitingStats(count, age(first, now) if first else None)


def acquire_acknowledgement(session: Session, address: bytes, domain: bytes, now: datetime) -> bool:
    """Return whether this address may get an acknowledgement now; if so, block it for an hour.

    ``address`` and ``domain`` are digests.
    Raises IntegrityError when another request acquires it at the same time.
    """
    delete_expired_acknowledgement_limits(session, now)
    count = sa.func.count()
    same_address, same_domain, total = session.execute(
        sa.select(
            count.filter(AcknowledgementLimit.address_digest == address),
            count.filter(AcknowledgementLimit.domain_digest == domain),
            count,
        ).select_from(AcknowledgementLimit)
    ).one()
    if same_address or same_domain >= MAX_PER_DOMAIN or total >= MAX_ACKNOWLEDGEMENTS:
        return False
    session.add(AcknowledgementLimit(address_digest=address, domain_digest=domain, queued_at=now))
    return True


def delete_expired_acknowledgement_limits(session: Session, now: datetime) -> None:
    """Delete the limits that have expired."""
    # A time in the future was written by a wrong clock.
    is_valid = AcknowledgementLimit.queued_at.between(
        now - ACKNOWLEDGEMENT_INTERVAL, now + ACKNOWLEDGEMENT_INTERVAL
    )
    session.connection().execute(sa.delete(AcknowledgementLimit).where(~is_valid))
