"""A sign of life from each mailer, so that silence is noticed."""

import time
from datetime import timedelta

import sqlalchemy as sa

from app.db import Database
from app.outbox.message import MailerHeartbeat

EVERY = timedelta(seconds=20)
FORGET = timedelta(days=1)


class Heartbeat:
    """Writes the row of mailer ``owner`` at most once per ``EVERY``."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._last: float | None = None

    def beat(self) -> None:
        """Say that this mailer lives; forgets mailers silent for a day."""
        if self._last is not None and time.monotonic() - self._last < EVERY.total_seconds():
            return
        with self._database.session() as session:
            now = self._database.now(session)
            row = session.get(MailerHeartbeat, self._owner)
            if row is None:
                session.add(MailerHeartbeat(owner=self._owner, started_at=now, heartbeat_at=now))
            else:
                row.heartbeat_at = now
            session.execute(
                sa.delete(MailerHeartbeat).where(MailerHeartbeat.heartbeat_at < now - FORGET)
            )
        self._last = time.monotonic()

    def end(self) -> None:
        """This mailer stops by itself; its silence is no fault."""
        with self._database.session() as session:
            session.execute(sa.delete(MailerHeartbeat).where(MailerHeartbeat.owner == self._owner))
