"""Rows for tests that look at an outbox without sending anything, and a clock to move."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from app.database import Database
from app.outbox.models import MailerHeartbeat, MailTransportState, OutboxMessage, OutgoingEmail
from app.services import services_of

MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
MAIL = OutgoingEmail("desk@clinic.example", "Clinic", "Subject", "Text", "<main></main>", "AAA-AAA")


class Outbox:
    """An outbox with a mailer that lives. ``now`` is the time on the database's clock."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.database: Database = services_of(app).database
        self.now = MOMENT

    def add(self, reference: str = "AAA-AAA", state: str = "pending", **values: Any) -> UUID:
        """Add a message queued now."""
        unfinished, number = state in ("pending", "sending"), uuid4()
        row = {
            "id": number,
            "reference": reference,
            "message_id": f"<{uuid4()}@clinic.example>",
            "encrypted_message": self.database.keys.encrypt(MAIL.to_json()),
            "state": state,
            "created_at": self.now,
            "queued_at": self.now,
            "due_at": self.now if unfinished else None,
            **values,
        }
        with self.database.session() as session:
            session.add(OutboxMessage(**row))
        return number

    def update_all(self, **values: Any) -> None:
        """Change every message."""
        with self.database.session() as session:
            session.execute(sa.update(OutboxMessage).values(**values))

    def cancel_all(self) -> None:
        self.update_all(state="cancelled", due_at=None)

    def heartbeat(self) -> None:
        """A sign of life from the one mailer."""
        with self.database.session() as session:
            session.merge(MailerHeartbeat(owner="m", started_at=MOMENT, heartbeat_at=self.now))

    def set_transport_failure(self, reason: str | None) -> None:
        """The breaker opened because of ``reason``, or closed when that is None."""
        down = self.now if reason else None
        relay = MailTransportState(id=1, failures=1, down_since=down, probe_at=down, reason=reason)
        with self.database.session() as session:
            session.merge(relay)

    def advance(self, **time: float) -> None:
        """Let time pass, with a mailer alive at its end: ``advance(minutes=5)``."""
        self.now += timedelta(**time)
        self.heartbeat()


@pytest.fixture
def outbox(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Outbox:
    """An empty outbox; the test runs once on each database."""
    found = Outbox(make_app(DATABASE_URL=database_url))
    monkeypatch.setattr(found.database, "now", lambda _session: found.now)
    found.heartbeat()
    return found
