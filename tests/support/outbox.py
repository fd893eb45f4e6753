"""An outbox whose rows and clock tests set directly, without sending messages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from app.database import Database
from app.outbox.models import MailerHeartbeat, MailTransportState, OutboxMessage, OutgoingEmail
from app.outbox.send_errors import TransportFault
from app.services import get_services

MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
MAIL = OutgoingEmail("desk@clinic.example", "Clinic", "Subject", "Text", "<main></main>", "AAA-AAA")


class Outbox:
    """An outbox with a running mailer. ``now`` is the time of the database server."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.database: Database = get_services(app).database
        self.now = MOMENT

    def add(self, reference: str = "AAA-AAA", state: str = "pending", **values: Any) -> UUID:
        """Add a message that is queued now. Returns its id."""
        unfinished, message_id = state in ("pending", "sending"), uuid4()
        row = {
            "id": message_id,
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
        return message_id

    def update_all(self, **values: Any) -> None:
        """Change every message."""
        with self.database.session() as session:
            session.execute(sa.update(OutboxMessage).values(**values))

    def cancel_all(self) -> None:
        self.update_all(state="cancelled", due_at=None)

    def heartbeat(self) -> None:
        """Record a heartbeat of the mailer."""
        with self.database.session() as session:
            session.merge(MailerHeartbeat(owner="m", started_at=MOMENT, heartbeat_at=self.now))

    def set_transport_failure(self, fault: TransportFault | None) -> None:
        """Open the circuit breaker because of ``fault``, or close it if it is None."""
        down, reason = (self.now, "not now") if fault else (None, None)
        transport = MailTransportState(
            id=1,
            failure_count=1,
            unavailable_since=down,
            next_probe_at=down,
            fault=fault,
            reason=reason,
        )
        with self.database.session() as session:
            session.merge(transport)

    def advance(self, **duration: float) -> None:
        """Advance the clock and record a heartbeat: ``advance(minutes=5)``."""
        self.now += timedelta(**duration)
        self.heartbeat()


@pytest.fixture
def outbox(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Outbox:
    """An empty outbox, once on each database engine."""
    outbox = Outbox(make_app(DATABASE_URL=database_url))
    monkeypatch.setattr(outbox.database, "now", lambda _session: outbox.now)
    outbox.heartbeat()
    return outbox
