"""Circuit breaker for the transport. Its state is one database row shared by all mailers.

While the transport is unavailable, one message at a time is sent as a probe, after 15 s, then
30 s, then each minute. A failed probe does not count as an attempt to deliver that message.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox import retry_schedule
from app.outbox.models import SINGLETON_ID, MailTransportState
from app.outbox.send_errors import TransportFault


def transport_state(session: Session) -> MailTransportState | None:
    """The stored state; None until the transport has been unavailable once."""
    return session.get(MailTransportState, SINGLETON_ID)


def is_open(session: Session) -> bool:
    """Whether only probes are sent."""
    transport = transport_state(session)
    return transport is not None and transport.unavailable_since is not None


def may_send(session: Session, now: datetime) -> bool:
    """Whether a message may be claimed now. If it is a probe, this also schedules the next one,
    so that no other mailer probes at the same time.
    """
    transport = transport_state(session)
    if transport is None or transport.next_probe_at is None:
        return True
    latest = now + retry_schedule.MAX_RETRY_AFTER + retry_schedule.MAX_PROBE_DELAY
    is_due = sa.or_(
        MailTransportState.next_probe_at <= now,
        MailTransportState.next_probe_at > latest,  # the clock was set back
    )
    probe = (
        sa.update(MailTransportState)
        .where(is_due)
        .values(next_probe_at=retry_schedule.next_probe(transport.failure_count, now))
        .returning(MailTransportState.id)
    )
    return session.scalar(probe) is not None


def record_failure(
    session: Session, now: datetime, fault: TransportFault, reason: str, retry_after: float = 0.0
) -> datetime:
    """The transport is unavailable: send nothing until the next probe. Returns its time.

    ``retry_after`` is the number of seconds for which the transport asks to be left alone.
    """
    transport = transport_state(session)
    if transport is None:
        transport = MailTransportState(id=SINGLETON_ID, failure_count=0)
        session.add(transport)
    transport.failure_count += 1
    transport.unavailable_since = transport.unavailable_since or now
    transport.next_probe_at = retry_schedule.next_probe(transport.failure_count, now, retry_after)
    transport.fault, transport.reason = fault, reason
    return transport.next_probe_at


def record_success(session: Session) -> None:
    """The transport answered to a message, so it is available."""
    session.execute(
        sa.update(MailTransportState)
        .where(MailTransportState.unavailable_since.is_not(None))
        .values(
            failure_count=0, unavailable_since=None, next_probe_at=None, fault=None, reason=None
        )
    )
