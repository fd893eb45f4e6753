"""Heartbeats of the mailers, which show that a mailer is missing."""

import time
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import Database
from app.outbox.models import MailerDowntime, MailerHeartbeat

INTERVAL = timedelta(seconds=20)
HEARTBEAT_TIMEOUT = timedelta(seconds=90)  # a mailer without a heartbeat for longer is missing
KEEP_HEARTBEATS = timedelta(days=1)  # of mailers that do not run any more


def last_heartbeat(session: Session, now: datetime) -> datetime | None:
    """The heartbeat of any mailer that is closest to ``now``.

    Not the latest: a heartbeat in the future was written before the clock was set back.
    """
    heartbeats = session.scalars(sa.select(MailerHeartbeat.heartbeat_at))
    return min(heartbeats, key=lambda at: abs(now - at), default=None)


class Heartbeat:
    """The heartbeat row of the mailer ``owner``. One object for each process."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._row = MailerHeartbeat(owner=owner, stopped_at=None)
        self._last: float | None = None

    def record(self) -> None:
        """Record that this mailer is running, at most once per INTERVAL.

        The first call also records the downtime, if no mailer has run for longer than
        HEARTBEAT_TIMEOUT.
        """
        if self._last is not None and time.monotonic() - self._last < INTERVAL.total_seconds():
            return
        with self._database.session() as session:
            now = self._database.now(session)
            if self._last is None:
                _record_downtime(session, now)
                self._row.started_at = now
            self._row.heartbeat_at = now
            session.merge(self._row)
            old = MailerHeartbeat.heartbeat_at < now - KEEP_HEARTBEATS
            session.execute(sa.delete(MailerHeartbeat).where(old))
        self._last = time.monotonic()

    def record_stop(self) -> None:
        """Record an orderly stop. The next mailer uses its time as the start of the downtime."""
        with self._database.session() as session:
            now = self._database.now(session)
            session.execute(
                sa.update(MailerHeartbeat)
                .where(MailerHeartbeat.owner == self._row.owner)
                .values(heartbeat_at=now, stopped_at=now)
            )


def _record_downtime(session: Session, now: datetime) -> None:
    last = last_heartbeat(session, now)
    if last is not None and now - last > HEARTBEAT_TIMEOUT:
        session.add(MailerDowntime(started_at=last, ended_at=now))
