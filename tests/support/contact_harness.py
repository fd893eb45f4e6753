"""A visitor at one end, the front desk's mail at the other, and all that lies between them."""

from collections.abc import Mapping
from html.parser import HTMLParser

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.contact.models import Inquiry
from app.database import Database
from app.outbox import smtp
from app.outbox.models import DeliveryAttempt, OutboxMessage
from app.outbox.worker import Mailer
from app.services import services_of
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import ReceivedMessage, Relay

HEADERS = sorted(
    ("Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Reply-To",
     "Subject", "To")
)  # fmt: skip
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "a", "dl",
        "dt", "dd", "strong"}  # fmt: skip
SCHEMES = ("mailto:", "tel:", "sms:")
EMPTY = {**GOOD, "phone": "", "best_time": ""}


class ContactHarness:
    """Sends by the form or the API, delivers over real SMTP, and reads what arrives."""

    def __init__(self, app: Flask, relay: Relay) -> None:
        self.app = app
        self.relay = relay
        self.client = app.test_client()
        self.database: Database = services_of(app).database
        self._mailer = Mailer(self.database, smtp.send, owner="one")

    def reset(self) -> None:
        """Forget everything: the same words twice would be one inquiry."""
        self.relay.received.clear()
        with self.database.session() as session:
            for table in (DeliveryAttempt, OutboxMessage, Inquiry):
                session.execute(sa.delete(table))

    def submit_form(self, **words: str) -> TestResponse:
        return self.client.post("/contact", data={**EMPTY, **words})

    def submit_json(self, **words: str) -> TestResponse:
        return self.client.post("/api/v1/inquiries", json={**EMPTY, **words})

    def inquiries(self) -> int:
        with self.database.read_session() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Inquiry)) or 0

    def mails(self) -> list[ReceivedMessage]:
        """Deliver all that waits; what the relay took."""
        with self.app.app_context():
            while self._mailer.deliver_one():
                pass
        return self.relay.received


class HtmlPart(HTMLParser):
    """The tags, the links and the text of a mail's HTML; ``message`` is the visitor's part."""

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
        self._in_message = ("class", "message") in attrs

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parent's signature
        self._in_message = False

    def handle_data(self, data: str) -> None:
        self.message += data if self._in_message else ""


def shown(message: str) -> str:
    """``message`` as the mail shows it: one kind of line end, no command to a terminal."""
    lines = message.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        "\ufffd" if ord(char) in {*range(32), *range(127, 160)} - {9, 10} else char
        for char in lines
    )


def assert_delivered_message(
    taken: ReceivedMessage, words: Mapping[str, str], mailbox: str
) -> None:
    """Assert that ``taken`` is the one mail these words make, with nothing added or lost."""
    mail = taken.message
    assert (taken.sender, taken.recipients) == ("no-reply@clinic.example", (mailbox,))
    assert set(HEADERS) - {"Reply-To"} <= set(mail.keys()) <= set(HEADERS)
    assert len(mail.keys()) == len(set(mail.keys()))
    assert mail["To"] == mailbox
    assert taken.content.isascii()
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998
    assert b"\n" not in taken.content.replace(b"\r\n", b"")
    assert not mail.defects
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"]
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    # The parser gives the parts' own line ends, which SMTP makes CR LF.
    plain = text.get_content().replace("\r\n", "\n")
    assert f"\n---- Message, exactly as typed ----\n\n{shown(words['message'])}\n" in plain
    found = HtmlPart(html.get_content().replace("\r\n", "\n"))
    assert found.tags <= TAGS
    assert found.message == shown(words["message"])
    assert found.attributes <= {"lang", "charset", "name", "content", "class", "href"}
    assert all(link.startswith(SCHEMES) for link in found.links)
