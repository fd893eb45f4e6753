"""Circuit breaker for the mail server. Its state is one database row shared by all mailers.

While the breaker is open, one message at a time is sent as a probe, after 15 s, then 30 s,
then each minute. A failed probe does not count as an attempt to deliver that message.
"""

from datetime import datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox import retry_schedule
from app.outbox.models import SINGLETON_ID, MailTransportState


class BreakerState(Enum):
    """Whether a message may be sent: yes, as a probe, or not now."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


def transport_state(session: Session) -> MailTransportState | None:
    """The stored state; None until the mail server has been unavailable once."""
    return session.get(MailTransportState, SINGLETON_ID)


def acquire_permission(session: Session, now: datetime) -> BreakerState:
    """Call before each claim. HALF_OPEN allows one probe and schedules the next, so that no
    other mailer probes at the same time.
    """
    transport = transport_state(session)
    if transport is None or transport.probe_at is None:
        return BreakerState.CLOSED
    latest = now + 2 * retry_schedule.MAX_PROBE_DELAY
    probe = session.execute(
        sa.update(MailTransportState)
        .where(MailTransportState.id == SINGLETON_ID)
        # A probe so far in the future means that the clock was set back.
        .where((MailTransportState.probe_at <= now) | (MailTransportState.probe_at > latest))
        .values(probe_at=retry_schedule.next_probe(transport.failures, now))
        .returning(MailTransportState.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return BreakerState.HALF_OPEN if probe else BreakerState.OPEN


def record_failure(session: Session, now: datetime, reason: str) -> None:
    """The mail server is unavailable: open the breaker until the next probe."""
    transport = transport_state(session)
    if transport is None:
        transport = MailTransportState(id=SINGLETON_ID, failures=0)
        session.add(transport)
    transport.failures += 1
    transport.down_since = transport.down_since or now
    transport.probe_at = retry_schedule.next_probe(transport.failures, now)
    transport.reason = reason


def record_success(session: Session) -> None:
    """A probe got a reply: close the breaker."""
    session.execute(
        sa.update(MailTransportState)
        .where(MailTransportState.id == SINGLETON_ID)
        .values(failures=0, down_since=None, probe_at=None, reason=None)
        .execution_options(synchronize_session=False)
    )
