"""Whether the relay can be used at all, remembered in one row for all mailers.

While it is down one message at a time goes out as a probe, after 15 s, then
30 s, then each minute; no message is blamed and no attempt is used up.
"""

from datetime import datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox import retry_schedule
from app.outbox.models import MailTransportState

ONLY_ROW = 1


def transport_state(session: Session) -> MailTransportState | None:
    """The relay's row; None until it has failed for the first time."""
    return session.get(MailTransportState, ONLY_ROW)


class BreakerState(Enum):
    """Whether a message may go out: freely, as the one that probes, or not now."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


def acquire_permission(session: Session, now: datetime) -> BreakerState:
    """Ask before each claim. While the relay is down the caller whose turn it is gets
    PROBE, and moves the next turn away from the others.
    """
    relay = (
        session.connection()
        .execute(sa.select(MailTransportState.failures, MailTransportState.probe_at))
        .one_or_none()
    )
    if relay is None or relay.probe_at is None:
        return BreakerState.CLOSED
    turn = session.execute(
        sa.update(MailTransportState)
        .where(MailTransportState.id == ONLY_ROW, MailTransportState.probe_at <= now)
        .values(probe_at=retry_schedule.next_probe(relay.failures, now))
        .returning(MailTransportState.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return BreakerState.HALF_OPEN if turn else BreakerState.OPEN


def record_failure(session: Session, now: datetime, reason: str) -> None:
    """The relay could not be used: nothing goes out until the next probe."""
    relay = transport_state(session)
    if relay is None:
        relay = MailTransportState(id=ONLY_ROW, failures=0)
        session.add(relay)
    relay.failures += 1
    relay.down_since = relay.down_since or now
    relay.probe_at = retry_schedule.next_probe(relay.failures, now)
    relay.reason = reason


def record_success(session: Session) -> bool:
    """A probe was answered as by a relay that works; True when it had been down before."""
    back = session.execute(
        sa.update(MailTransportState)
        .where(MailTransportState.id == ONLY_ROW, MailTransportState.probe_at.is_not(None))
        .values(failures=0, down_since=None, probe_at=None, reason=None)
        .returning(MailTransportState.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return back is not None
