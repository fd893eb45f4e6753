"""The web process logs an error while no mailer runs: inquiries are stored but not emailed."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.monitoring.health_rules import format_duration
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT, last_heartbeat

log = logging.getLogger("frontdesk.mailer_watch")

REPEAT_INTERVAL = timedelta(minutes=5)


class MailerWatch(threading.Thread):
    """Checks for a running mailer, at the start and regularly. One thread per web worker."""

    def __init__(self, database: Database, sleep: Callable[[float], object] = time.sleep) -> None:
        super().__init__(name="mailer-watch", daemon=True)
        self._database = database
        self._sleep = sleep

    def run(self) -> None:
        # A new site has never had a mailer: give it some time to start.
        missing = self.check(starting=True)
        while True:
            self._sleep((REPEAT_INTERVAL if missing else HEARTBEAT_TIMEOUT).total_seconds())
            missing = self.check()

    def check(self, *, starting: bool = False) -> bool:
        """Log an error and return True if no mailer has run for HEARTBEAT_TIMEOUT.

        While ``starting``, a database that has never seen a mailer is no error yet.
        """
        try:
            with self._database.read_session() as session:
                now = self._database.now(session)
                last = last_heartbeat(session, now)
        except SQLAlchemyError:
            return False  # /readyz reports a database that does not answer
        if last is None and starting:
            return False
        if last is not None and abs(now - last) <= HEARTBEAT_TIMEOUT:
            return False
        log.error(
            "no mailer has run %s: inquiries are saved but not emailed; start `flask mailer run`",
            "ever" if last is None else f"for {format_duration(abs(now - last))}",
        )
        return True
