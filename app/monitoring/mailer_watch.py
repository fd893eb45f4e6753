"""The web process logs an error while no mailer runs: inquiries are accepted then, but
nobody at the clinic is told.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.database.engines import NotDurableError
from app.monitoring.health_rules import format_duration
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from app.outbox.models import MailerHeartbeat

log = logging.getLogger("frontdesk.mailer_watch")

REPEAT = timedelta(minutes=5)


class MailerWatch(threading.Thread):
    """Checks for a mailer at the start and from then on, in a thread of each web worker."""

    def __init__(self, database: Database, sleep: Callable[[float], object] = time.sleep) -> None:
        super().__init__(name="mailer-watch", daemon=True)
        self._database = database
        self._sleep = sleep

    def run(self) -> None:
        # At the very first start no mailer has been seen yet: it gets some time to begin.
        missing = self.check(starting=True)
        while True:
            self._sleep((REPEAT if missing else HEARTBEAT_TIMEOUT).total_seconds())
            missing = self.check()

    def check(self, *, starting: bool = False) -> bool:
        """Log an error if no mailer has run for longer than HEARTBEAT_TIMEOUT; whether it did.

        ``starting``: a database that has never seen a mailer is no error yet.
        """
        try:
            with self._database.read_session() as session:
                now = self._database.now(session)
                last = session.scalar(sa.select(sa.func.max(MailerHeartbeat.heartbeat_at)))
        except (SQLAlchemyError, NotDurableError):
            return False  # /readyz reports a database that does not answer
        if last is None and starting:
            return False
        if last is not None and now - last <= HEARTBEAT_TIMEOUT:
            return False
        since = "ever" if last is None else f"for {format_duration(now - last)}"
        log.error(
            "no mailer has run %s: inquiries are saved but not emailed;"
            " start `flask --app wsgi mailer run`",
            since,
        )
        return True
