"""Queries on quarantined inquiries and on acknowledgements."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import age
from app.contact.models import IS_QUARANTINED, Acknowledgement, Inquiry

ACKNOWLEDGEMENT_INTERVAL = timedelta(hours=1)


@dataclass(frozen=True)
class QuarantineStats:
    """How many inquiries are quarantined; ``oldest`` is the age of the first, None if none."""

    count: int = 0
    oldest: timedelta | None = None


def quarantine_stats(session: Session, now: datetime) -> QuarantineStats:
    query = sa.select(sa.func.count(), sa.func.min(Inquiry.created_at)).where(IS_QUARANTINED)
    count, first = session.execute(query).one()
    return QuarantineStats(count, age(first, now) if first else None)


def acquire_acknowledgement(
    connection: sa.Connection, address_digest: bytes, now: datetime
) -> bool:
    """Whether this address may get an acknowledgement now; if so, none for the next hour.

    Raises IntegrityError when another request inserts the first row at the same time.
    """
    same_address = Acknowledgement.address_digest == address_digest
    # A time in the future means that the clock was set back.
    allowed = sa.or_(
        Acknowledgement.last_queued_at <= now - ACKNOWLEDGEMENT_INTERVAL,
        Acknowledgement.last_queued_at > now,
    )
    update = sa.update(Acknowledgement).where(same_address, allowed).values(last_queued_at=now)
    if connection.execute(update.returning(Acknowledgement.last_queued_at)).one_or_none():
        return True
    if connection.scalar(sa.select(sa.exists().where(same_address))):
        return False
    values = {"address_digest": address_digest, "last_queued_at": now}
    connection.execute(sa.insert(Acknowledgement).values(values))
    return True


def delete_expired_acknowledgements(session: Session, now: datetime) -> None:
    """Delete the address digests that no longer limit anything."""
    expired = Acknowledgement.last_queued_at <= now - ACKNOWLEDGEMENT_INTERVAL
    session.connection().execute(sa.delete(Acknowledgement).where(expired))
