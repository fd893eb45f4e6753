"""Fixtures that send inquiries by form and by API, on SQLite and PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.contact.models import Inquiry, InquiryData
from app.database import Database
from app.outbox.models import OutboxMessage, OutgoingEmail
from app.services import get_services

# Other test folders send this inquiry too: add a new required field here.
GOOD = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "reply_by": "email",
    "topic": "billing",
    "location": "quay",
    "message": "Do you take checks?\r\n\r\nThank you",
}
REQUIRED = ("name", "email", "topic", "location", "message")

INQUIRY = InquiryData(
    name="Ada Example",
    email="ada@example.com",
    phone="(212) 555-0142",
    phone_e164="+12125550142",
    reply_by="phone",
    voicemail_ok=False,
    best_time="mornings",
    topic="billing",
    location="hill",
    message="First line\n\n  indented <b>bold</b> & more",
)


class Visitor:
    """Sends inquiries and reads what was stored."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.database: Database = get_services(app).database

    def send(self, headers: dict[str, str] | None = None, **changed: str) -> TestResponse:
        headers = {"Origin": "http://localhost", **(headers or {})}
        return self.client.post("/contact", data={**GOOD, **changed}, headers=headers)

    def call(self, key: str = "", **changed: Any) -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post("/api/v1/inquiries", json={**GOOD, **changed}, headers=headers)

    def inquiries(self) -> list[Inquiry]:
        with self.database.read_session() as session:
            return list(session.scalars(sa.select(Inquiry).order_by(Inquiry.created_at)))

    def mails(self) -> list[OutgoingEmail]:
        with self.database.read_session() as session:
            rows = session.scalars(sa.select(OutboxMessage.encrypted_message)).all()
        return [OutgoingEmail.from_json(self.database.keys.decrypt(row or b"")) for row in rows]


@pytest.fixture
def visitor(make_app: Callable[..., Flask], database_url: str) -> Visitor:
    return Visitor(make_app(DATABASE_URL=database_url, RATELIMIT_ENABLED="false"))


@pytest.fixture
def visitor_on_sqlite(make_app: Callable[..., Flask]) -> Visitor:
    return Visitor(make_app(RATELIMIT_ENABLED="false"))
