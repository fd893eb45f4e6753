"""An outbox on SQLite and on PostgreSQL, with a real SMTP server."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.database import Database
from app.outbox import queue
from app.outbox.models import OutboxMessage, OutgoingEmail
from app.outbox.worker import Mailer
from app.services import get_services
from tests.support.smtp_relay import Relay, relay
from tests.support.transports import transport_of

__all__ = ["relay"]

EMAIL = OutgoingEmail(
    recipient="frontdesk@clinic.example",
    sender_name="Clinic",
    subject="[K7R-4M2] Billing question from Ada Example",
    text="Hello\n.dot\n",
    html="<main><p>Hello</p></main>",
    reference="K7R-4M2",
    reply_to="ada@example.com",
)


class OutboxHarness:
    """Puts messages into the outbox and reads them back."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.database: Database = get_services(app).database

    def enqueue(self, email: OutgoingEmail = EMAIL) -> None:
        with self.database.session() as session:
            now = self.database.now(session)
            queue.enqueue(session, self.database.keys, email, domain="clinic.example", now=now)

    def mailer(self, **options: Any) -> Mailer:
        return Mailer(self.database, transport_of(self.app), **{"owner": "one", **options})

    def message(self) -> OutboxMessage:
        with self.database.read_session() as session:
            return session.scalars(sa.select(OutboxMessage)).one()

    def update(self, **values: Any) -> None:
        with self.database.session() as session:
            session.execute(sa.update(OutboxMessage).values(**values))

    def now(self) -> datetime:
        with self.database.read_session() as session:
            return self.database.now(session)


@pytest.fixture
def harness(make_app: Callable[..., Flask], database_url: str, relay: Relay) -> Any:
    app = make_app(
        DATABASE_URL=database_url,
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(relay.port),
        MAIL_USE_TLS="false",
        MAIL_DEFAULT_SENDER="no-reply@clinic.example",
    )
    with app.app_context():
        yield OutboxHarness(app)
