"""Sends inquiries through the site, delivers the messages and checks what is received."""

from collections.abc import Mapping
from html.parser import HTMLParser

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.contact.models import Inquiry
from app.database import Database
from app.outbox.models import DeliveryAttempt, OutboxMessage
from app.outbox.worker import Mailer
from app.services import get_services
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import ReceivedMessage, Relay
from tests.support.transports import transport_of

HEADERS = sorted(
    ("Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Reply-To",
     "Subject", "To")
)  # fmt: skip
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "a", "br",
        "dl", "dt", "dd", "strong"}  # fmt: skip
SCHEMES = ("mailto:", "tel:", "sms:")
SITE_URL = "http://127.0.0.1:8000"
EMPTY = {**GOOD, "phone": "", "best_time": ""}


class ContactHarness:
    """Sends inquiries by the form or the API, and delivers the messages over SMTP."""

    def __init__(self, app: Flask, relay: Relay) -> None:
        self.app = app
        self.relay = relay
        self.client = app.test_client()
        self.database: Database = get_services(app).database
        self._mailer = Mailer(self.database, transport_of(app), owner="one")

    def reset(self) -> None:
        """Delete all data, so that a repeated inquiry is not a duplicate."""
        self.relay.received.clear()
        with self.database.session() as session:
            for table in (DeliveryAttempt, OutboxMessage, Inquiry):
                session.execute(sa.delete(table))

    def submit_form(self, **fields: str) -> TestResponse:
        return self.client.post("/contact", data={**EMPTY, **fields})

    def submit_json(self, **fields: str) -> TestResponse:
        return self.client.post("/api/v1/inquiries", json={**EMPTY, **fields})

    def inquiries(self) -> int:
        with self.database.read_session() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Inquiry)) or 0

    def deliver(self) -> list[ReceivedMessage]:
        """Deliver all pending messages. Returns all messages received since the last reset."""
        with self.app.app_context():
            while self._mailer.deliver_one():
                pass
        return self.relay.received


class HtmlPart(HTMLParser):
    """Tags, links and text of an HTML part. ``message`` is the text that the visitor wrote."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.message = ""
        self._in_message = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "br" and self._in_message:
            self.message += "\n"
        else:
            self._in_message = ("class", "message") in attrs

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parent's signature
        self._in_message = False

    def handle_data(self, data: str) -> None:
        self.message += data if self._in_message else ""


def displayed(message: str) -> str:
    """``message`` as shown in the email: normalized line ends, no control characters."""
    lines = message.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        "\ufffd" if ord(char) in {*range(32), *range(127, 160)} - {9, 10} else char
        for char in lines
    )


def assert_delivered_message(
    received: ReceivedMessage, inquiry: Mapping[str, str], mailbox: str
) -> None:
    """Assert that ``received`` is the notification of ``inquiry``, with nothing added or lost."""
    email = received.message
    assert (received.sender, received.recipients) == ("no-reply@clinic.example", (mailbox,))
    assert set(HEADERS) - {"Reply-To"} <= set(email.keys()) <= set(HEADERS)
    assert len(email.keys()) == len(set(email.keys()))
    assert email["To"] == mailbox
    assert received.content.isascii()
    assert max(map(len, received.content.split(b"\r\n"))) <= 998
    assert b"\n" not in received.content.replace(b"\r\n", b"")
    assert not email.defects
    kinds = [part.get_content_type() for part in email.walk()]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"]
    text, html = (email.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    # Over SMTP, lines end in CR LF.
    plain = text.get_content().replace("\r\n", "\n")
    assert f"\n---- Message, exactly as typed ----\n\n{displayed(inquiry['message'])}\n" in plain
    part = HtmlPart(html.get_content().replace("\r\n", "\n"))
    assert part.tags <= TAGS
    assert part.message == displayed(inquiry["message"])
    assert part.attributes <= {"lang", "charset", "name", "content", "class", "href"}
    others = [link for link in part.links if not link.startswith(SCHEMES)]
    assert [link.rpartition("/")[0] for link in others] == [f"{SITE_URL}/answered"]
