"""The notices that a web process shows: read from the database in the background.

Pages come from memory, also while the database does not answer, so no request waits for it.
"""

import logging
import time
from collections.abc import Hashable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.clinic import Clinic, Location
from app.database import Database
from app.notices.closures import with_closures
from app.notices.models import Notice
from app.notices.service import current_notices
from app.notices.text import notice_line

log = logging.getLogger("frontdesk.notices")

# With nginx's cache (20 s) and the browser's (30 s), a notice is on every page within a minute.
REFRESH_INTERVAL = 10.0  # seconds


class NoticeBoard:
    """The current notices of ``clinic``, as of the last ``refresh``."""

    def __init__(self, database: Database, clinic: Clinic) -> None:
        self._database = database
        self._clinic = clinic
        self._notices: Sequence[Notice] = ()

    def keep_current(self) -> None:
        """Refresh again and again: a loop for a thread of each web worker."""
        while True:
            self.refresh()
            time.sleep(REFRESH_INTERVAL)

    def refresh(self) -> None:
        """Read the notices. While the database does not answer, the last ones are kept."""
        try:
            with self._database.read_session() as session:
                self._notices = current_notices(session, clock.now())
        except SQLAlchemyError as error:
            log.debug("notices not read: %s", type(error).__name__)

    def version(self) -> Hashable:
        """Changes whenever a page that shows notices does. Called for each request."""
        now = clock.now()
        shown = (
            (notice.id, notice.ends_at, notice.is_closed(now))
            for notice in self._notices
            if notice.is_shown(now)
        )
        return self._clinic.today(), tuple(shown)

    def lines(self) -> tuple[str, ...]:
        """The notices to show now, in words."""
        now = clock.now()
        return tuple(notice_line(notice, self._clinic, now) for notice in self._shown())

    def clinic(self) -> Clinic:
        """The clinic with the closures to show now in its opening hours."""
        shown = self._shown()
        return with_closures(self._clinic, shown) if shown else self._clinic

    def location(self, location: Location) -> Location:
        """``location`` with these closures."""
        places = {place.key: place for place in self.clinic().locations}
        return places[location.key]

    def _shown(self) -> list[Notice]:
        now = clock.now()
        return [notice for notice in self._notices if notice.is_shown(now)]
