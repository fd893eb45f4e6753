"""Heartbeats of the mailers, which show that a mailer is missing."""

import time
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import Database
from app.outbox.models import MailerDowntime, MailerHeartbeat

INTERVAL = timedelta(seconds=20)
HEARTBEAT_TIMEOUT = timedelta(seconds=90)  # a mailer without a heartbeat for longer is missing
KEEP_MAILERS = timedelta(days=1)
KEEP_DOWNTIMES = timedelta(days=30)


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
        self._owner = owner
        self._last: float | None = None

    def beat(self) -> None:
        """Record that this mailer is running, at most once per INTERVAL.

        The first call also records the downtime, if no mailer has run for longer than
        HEARTBEAT_TIMEOUT.
        """
        if self._last is not None and time.monotonic() - self._last < INTERVAL.total_seconds():
            return
        with self._database.session() as session:
            now = self._database.now(session)
            row = session.get(MailerHeartbeat, self._owner)
            if self._last is None or row is None:  # no row: a backup has been restored
                self._start(session, now)
            else:
                row.heartbeat_at = now
            old = MailerHeartbeat.heartbeat_at < now - KEEP_MAILERS
            session.execute(sa.delete(MailerHeartbeat).where(old))
        self._last = time.monotonic()

    def stop(self) -> None:
        """Record an orderly stop. The row stays until the next start, which uses it as the
        start of the downtime.
        """
        with self._database.session() as session:
            now = self._database.now(session)
            session.execute(
                sa.update(MailerHeartbeat)
                .where(MailerHeartbeat.owner == self._owner)
                .values(heartbeat_at=now, stopped_at=now)
            )

    def _start(self, session: Session, now: datetime) -> None:
        last = last_heartbeat(session, now)
        if last is not None and now - last > HEARTBEAT_TIMEOUT:
            session.add(MailerDowntime(started_at=last, ended_at=now))
        replaced = sa.or_(
            MailerHeartbeat.owner == self._owner, MailerHeartbeat.stopped_at.is_not(None)
        )
        session.execute(sa.delete(MailerHeartbeat).where(replaced))
        session.add(MailerHeartbeat(owner=self._owner, started_at=now, heartbeat_at=now))
        expired = MailerDowntime.ended_at < now - KEEP_DOWNTIMES
        session.execute(sa.delete(MailerDowntime).where(expired))
