"""What a process noticed last, kept for all: calls of the website, the alert addresses and the
ping, and refused posts.
"""

import logging
import time
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, Database, UTCDateTime
from app.http_calls import CallResult, call
from app.services import Services, current_services

log = logging.getLogger("frontdesk.observations")

WEBSITE, ALERTS, PING, POSTS = "website", "alerts", "ping", "posts"
STORE_INTERVAL = 10.0  # seconds between two writes of a refusal, and between two tries


class Observation(Base):
    """The last result of one name. No personal data, and no URL.

    ``problem`` is empty after a success. ``failing_since`` is the first of the failures in a row.
    """

    __tablename__ = "observation"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    observed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    problem: Mapped[str] = mapped_column(sa.String(60))
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    certificate_ends_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def failed_for(self) -> timedelta:
        """The time from the first to the last of the failures in a row."""
        return self.observed_at - (self.failing_since or self.observed_at)


def record(database: Database, name: str, result: CallResult) -> bool:
    """Store ``result``. False when the database cannot be written."""
    try:
        with database.session() as session:
            now = database.now(session)
            row = session.get(Observation, name) or Observation(name=name)
            since = min(row.failing_since or now, now)  # later: the clock was set back
            row.observed_at, row.problem = now, result.problem[:60]
            row.failing_since = since if result.problem else None
            row.certificate_ends_at = result.certificate_ends_at
            session.add(row)
    except SQLAlchemyError as error:
        log.warning("%s not recorded: %s", name, type(error).__name__)
        return False
    return True


def call_and_record(database: Database, name: str, url: str) -> bool:
    """Call ``url`` and store the result. Whether it succeeded."""
    result = call(name, url)
    record(database, name, result)
    return not result.problem


def notice_refused_post(response: Response) -> Response:
    """Remember an inquiry that is answered with 5xx. Call this after every request."""
    is_inquiry = request.method == "POST" and request.blueprint in ("contact", "api")
    if is_inquiry and response.status_code >= 500:
        current_services().post_refused.set()
    return response


def store_refused_posts(services: Services) -> None:
    """Store refusals, for the mailers to alert: a loop for a thread of each web worker.

    While a refusal cannot be stored, the mailers notice the problem of the database themselves.
    """
    while services.post_refused.wait():
        services.post_refused.clear()
        if not record(services.database, POSTS, CallResult("refused")):
            services.post_refused.set()
        time.sleep(STORE_INTERVAL)
