"""The outbox in numbers, for whoever judges its health. No personal data."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.outbox import admin, circuit_breaker
from app.outbox.models import MailerDowntime, MailerHeartbeat, OutboxMessage

# Written into the statement, not bound: only then do both databases see that it
# implies the condition of the index, which spares them 200,000 delivered rows.
IS_DEAD = sa.text("state = 'dead'")

RECENT_DOWNTIME = timedelta(hours=1)

# Looked at every few seconds; dead rows have no due_at, so the queue's index has none of them.
sa.Index("ix_outbox_message_dead", OutboxMessage.queued_at, sqlite_where=IS_DEAD)


class TransportFault(StrEnum):
    """What kind of thing keeps the relay from taking any mail."""

    CONNECTION = "connection"
    TLS = "tls"
    AUTHENTICATION = "authentication"
    SENDER = "sender"


@dataclass(frozen=True)
class OutboxStats:
    """The outbox at one moment. ``pending`` counts what is being sent too, but no courtesy
    to a visitor: a mistyped address that answers "later" is nobody's problem.

    ``oldest_pending`` is the time since the oldest of them was queued; ``heartbeat``
    the time since the freshest sign of life of any mailer, None when there is none.
    ``paused_since`` is set while no mail may go out, after a restore. ``downtime`` is the last
    time in which no mailer ran, if it ended within RECENT_DOWNTIME.
    """

    pending: int
    oldest_pending: timedelta | None
    dead: int
    heartbeat_age: timedelta | None
    transport_unavailable_since: datetime | None = None
    transport_fault: TransportFault | None = None
    paused_since: datetime | None = None
    downtime: tuple[datetime, datetime] | None = None


def outbox_stats(session: Session, now: datetime) -> OutboxStats:
    """Count what stands in the outbox at ``now``."""
    pending, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(OutboxMessage.queued_at)).where(
            OutboxMessage.due_at.is_not(None), ~OutboxMessage.is_acknowledgement
        )
    ).one()
    dead = session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage).where(IS_DEAD))
    beats = session.scalars(sa.select(MailerHeartbeat.heartbeat_at)).all()
    relay = circuit_breaker.transport_state(session)
    down = relay is not None and relay.down_since is not None
    held = admin.current_pause(session)
    return OutboxStats(
        pending=pending,
        oldest_pending=max(now - oldest, timedelta(0)) if oldest else None,
        dead=dead or 0,
        # A sign of life from the future was left before the clock was set back.
        heartbeat_age=min((abs(now - beat) for beat in beats), default=None),
        transport_unavailable_since=relay.down_since if relay else None,
        transport_fault=classify_fault(relay.reason or "") if relay and down else None,
        paused_since=held.since if held else None,
        downtime=_recent_downtime(session, now),
    )


def _recent_downtime(session: Session, now: datetime) -> tuple[datetime, datetime] | None:
    row = session.scalar(
        sa.select(MailerDowntime)
        .where(MailerDowntime.ended_at > now - RECENT_DOWNTIME)
        .order_by(MailerDowntime.ended_at.desc())
        .limit(1)
    )
    return (row.started_at, row.ended_at) if row else None


def classify_fault(reason: str) -> TransportFault:
    """The kind of fault behind ``reason``, which begins with the name of an error's type
    as app.outbox.smtp writes it.
    """
    error = reason.partition(":")[0]
    # A server that takes STARTTLS back answers with the plain SMTPResponseException.
    if error.startswith("SSL") or error == "SMTPResponseException" or "STARTTLS" in reason:
        return TransportFault.TLS
    if error == "SMTPSenderRefused":
        return TransportFault.SENDER
    # Besides a refused login: a relay that offers none, or none that we know.
    if error in ("SMTPAuthenticationError", "SMTPNotSupportedError", "SMTPException"):
        return TransportFault.AUTHENTICATION
    return TransportFault.CONNECTION
