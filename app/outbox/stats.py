"""Statistics of the outbox for health checks, metrics and alerts. No personal data."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import age
from app.outbox import admin, circuit_breaker
from app.outbox.heartbeat import last_heartbeat
from app.outbox.models import EMAILS, IS_DEAD, MailerDowntime, OutboxMessage
from app.outbox.send_errors import TransportFault

RECENT_DOWNTIME = timedelta(hours=1)


@dataclass(frozen=True)
class OutboxStats:
    """The outbox at one moment.

    ``pending`` includes messages being sent, but no acknowledgements: a visitor's mistyped
    address must not raise an alert. ``oldest_pending`` is the time since the oldest email of
    them was queued, ``oldest_pending_call`` of the others. ``heartbeat_age`` is the time since
    the latest heartbeat of any mailer, None when there is none. ``paused_since`` is None unless
    the outbox is paused. ``downtime`` is the last period without a mailer, if it ended within
    RECENT_DOWNTIME.
    """

    pending: int
    oldest_pending: timedelta | None
    dead: int
    heartbeat_age: timedelta | None
    transport_unavailable_since: datetime | None = None
    transport_fault: TransportFault | None = None
    paused_since: datetime | None = None
    downtime: tuple[datetime, datetime] | None = None
    oldest_pending_call: timedelta | None = None


def outbox_stats(session: Session, now: datetime) -> OutboxStats:
    """The statistics at ``now``."""
    is_email, oldest_queued = OutboxMessage.kind.in_(EMAILS), sa.func.min(OutboxMessage.queued_at)
    pending, oldest, oldest_call = session.execute(
        sa.select(
            sa.func.count(), oldest_queued.filter(is_email), oldest_queued.filter(~is_email)
        ).where(OutboxMessage.due_at.is_not(None), ~OutboxMessage.is_acknowledgement)
    ).one()
    dead = session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage).where(IS_DEAD))
    heartbeat = last_heartbeat(session, now)
    transport = circuit_breaker.transport_state(session)
    fault = transport.fault if transport else None
    pause = admin.current_pause(session)
    return OutboxStats(
        pending=pending,
        oldest_pending=age(oldest, now) if oldest else None,
        dead=dead or 0,
        heartbeat_age=abs(now - heartbeat) if heartbeat else None,
        transport_unavailable_since=transport.unavailable_since if transport else None,
        transport_fault=TransportFault(fault) if fault else None,
        paused_since=pause.since if pause else None,
        downtime=_recent_downtime(session, now),
        oldest_pending_call=age(oldest_call, now) if oldest_call else None,
    )


def _recent_downtime(session: Session, now: datetime) -> tuple[datetime, datetime] | None:
    row = session.scalar(
        sa.select(MailerDowntime)
        .where(MailerDowntime.ended_at.between(now - RECENT_DOWNTIME, now))
        .order_by(MailerDowntime.ended_at.desc())
        .limit(1)
    )
    return (row.started_at, row.ended_at) if row else None
