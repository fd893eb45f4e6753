"""Acknowledgements: no visitor input, one per hour and address, and failures do no harm."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.contact.emails import acknowledgement_email
from app.contact.models import AcknowledgementLimit
from app.contact.queries import MAX_ACKNOWLEDGEMENTS, MAX_PER_DOMAIN
from app.database import Database
from app.outbox.models import OutboxMessage, Outcome, OutgoingEmail
from app.outbox.queue import claim
from app.outbox.results import AttemptResult, record_result
from app.outbox.retry_schedule import ACKNOWLEDGEMENT_GIVE_UP_AFTER
from app.outbox.stats import OutboxStats, outbox_stats
from app.services import get_services
from tests.cli.test_commands import Desk
from tests.contact.conftest import GOOD, Visitor
from tests.support.databases import sqlite_only
from tests.support.smtp_relay import ReceivedMessage, Relay, relay

__all__ = ["relay"]

TYPED = {
    "name": "Zebulon Marker",
    "email": "Zebulon.Marker@example.com",
    "phone": "212-555-0199",
    "best_time": "marker mornings",
    "message": "Marker message",
}


@pytest.fixture
def desk(make_app: Callable[..., Flask], database_url: str, relay: Relay) -> Desk:
    clear = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
    return Desk(make_app(DATABASE_URL=database_url, SEND_ACKNOWLEDGEMENT="true", **clear))


def visitor_emails(relay: Relay) -> list[ReceivedMessage]:
    return [message for message in relay.received if message.recipients[0].endswith("@example.com")]


def test_acknowledgements_are_off_by_default(make_app: Callable[..., Flask], relay: Relay) -> None:
    desk = Desk(make_app(MAIL_PORT=str(relay.port), MAIL_USE_TLS="false"))
    desk.send()
    desk.says("mailer", "run", "--once")
    assert [message.recipients for message in relay.received] == [("billing@nullharbor.example",)]


def test_acknowledgement_explains_the_next_steps_and_has_nothing_the_visitor_typed(
    desk: Desk, relay: Relay
) -> None:
    desk.send(None, **TYPED)
    desk.says("mailer", "run", "--once")
    (received,) = visitor_emails(relay)
    email, reference = received.message, desk.inquiries()[0].reference
    assert email["Auto-Submitted"] == "auto-replied"
    assert email["Reply-To"] == "hello@nullharbor.example"
    assert email["Subject"] == f"[{reference}] We received your message"
    for kind in ("plain", "html"):
        part = email.get_body((kind,))
        assert part is not None
        text = part.get_content()
        for expected in (reference, "one business day", "212-555-0142", "911", "988"):
            assert expected in text
        for typed in ("Zebulon", "marker", "Marker", "0199", "billing", "Billing"):
            assert typed not in text
    (notification,) = (message for message in relay.received if message is not received)
    assert notification.message["Auto-Submitted"] == "auto-generated"
    assert notification.recipients == ("billing@nullharbor.example",)


def test_an_address_gets_one_acknowledgement_per_hour(desk: Desk, relay: Relay) -> None:
    for number, email in enumerate(("ada@example.com", "ADA@example.com", "ada+2@example.com")):
        desk.send(email=email, message=f"Question {number}")
    desk.call(message="And another")
    desk.send(email="bob@example.com")
    desk.says("mailer", "run", "--once")
    assert len(desk.inquiries()) == 5
    assert sorted(message.recipients[0] for message in visitor_emails(relay)) == [
        "ada@example.com",
        "bob@example.com",
    ]
    with desk.database.session() as session:
        hour = desk.database.now(session) - timedelta(hours=1)
        session.execute(sa.update(AcknowledgementLimit).values(queued_at=hour))
    desk.send(message="An hour later")
    desk.says("mailer", "run", "--once")
    assert len(visitor_emails(relay)) == 3


@pytest.mark.parametrize(
    "spellings",
    [
        ("ada@gmail.com", "ada@\uff47mail.com", "ada@gmail\u3002com", "ada@\U0001d420mail.com",
         "ADA@gmai\u24db.com", "a.d.a@gmail.com", "ada+x@GoogleMail.com",
         "A.Da+y@\uff47ooglemail.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", "Ada@BÜCHER\u3002example",
         "ada+1@XN--BCHER-KVA.example"),
    ],
)  # fmt: skip
def test_all_spellings_of_a_mailbox_get_one_acknowledgement(
    visitor_with_acknowledgements: Visitor, spellings: tuple[str, ...]
) -> None:
    visitor = visitor_with_acknowledgements
    for email in spellings:
        assert visitor.send(email=email, message=f"To {email}").status_code == 303
    assert len(visitor.inquiries()) == len(spellings)
    assert len(acknowledged(visitor)) == 1


def test_dots_and_domains_that_mean_something_are_different_mailboxes(
    visitor_with_acknowledgements: Visitor,
) -> None:
    for email in ("ada@example.com", "a.da@example.com", "ada@example.org", "bob@example.com"):
        visitor_with_acknowledgements.send(email=email)
    assert len(acknowledged(visitor_with_acknowledgements)) == 4


def test_acknowledgements_per_domain_and_in_total_are_limited(
    visitor_with_acknowledgements: Visitor,
) -> None:
    """All addresses of a domain may lead to one mailbox, and spam damages the reputation."""
    visitor = visitor_with_acknowledgements
    for n in range(MAX_PER_DOMAIN + 3):
        visitor.send(email=f"a{n}@example.com")
    assert len(acknowledged(visitor)) == MAX_PER_DOMAIN
    for n in range(MAX_ACKNOWLEDGEMENTS):
        visitor.send(email=f"a@d{n}.example.com")
    assert len(acknowledged(visitor)) == MAX_ACKNOWLEDGEMENTS
    assert len(visitor.inquiries()) == MAX_PER_DOMAIN + 3 + MAX_ACKNOWLEDGEMENTS


@pytest.fixture
def visitor_with_acknowledgements(make_app: Callable[..., Flask], database_url: str) -> Visitor:
    settings = {"SEND_ACKNOWLEDGEMENT": "true", "RATELIMIT_ENABLED": "false"}
    return Visitor(make_app(DATABASE_URL=database_url, SPAM_FILTER_ENABLED="false", **settings))


def acknowledged(visitor: Visitor) -> list[str]:
    return [mail.recipient for mail in visitor.mails() if mail.is_acknowledgement]


def test_retention_deletes_expired_address_digests(desk: Desk) -> None:
    desk.send()
    desk.says("retention", "run")
    assert digests(desk.database) == 1
    with desk.database.session() as session:
        hour = desk.database.now(session) - timedelta(hours=1)
        session.execute(sa.update(AcknowledgementLimit).values(queued_at=hour))
    desk.says("retention", "run")
    assert digests(desk.database) == 0


def digests(database: Database) -> int:
    with database.read_session() as session:
        return len(session.scalars(sa.select(AcknowledgementLimit)).all())


@sqlite_only
def test_quarantined_inquiries_are_never_acknowledged(desk: Desk, relay: Relay) -> None:
    desk.send(honeypot="x")
    desk.says("inquiries", "release", desk.inquiries()[0].reference, "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1
    assert visitor_emails(relay) == []


@sqlite_only
def test_a_refused_acknowledgement_is_canceled_without_an_alert(desk: Desk, relay: Relay) -> None:
    """No alert, no fallback mailbox, no open circuit breaker, nothing kept."""
    desk.send()
    desk.says("mailer", "run", "--once")
    relay.received.clear()
    refuse_visitors(desk, relay, "550 5.1.1 unknown")
    assert [message.state for message in messages(desk)] == ["delivered", "cancelled"]
    assert relay.received == []
    stats = current_stats(desk)
    assert (stats.dead, stats.pending, stats.transport_unavailable_since) == (0, 0, None)
    listed = desk.says("outbox", "list", "--all")
    assert "acknowledgement given up" in listed
    assert "ada@example.com" not in listed
    assert "delivered" in desk.says("inquiries", "list")
    relay.script = {}
    desk.send(message="The next one", email="bob@example.com")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 2


@sqlite_only
def test_an_acknowledgement_refused_as_if_by_the_relay_stops_no_other_email(
    desk: Desk, relay: Relay
) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")
    refuse_visitors(desk, relay, "554 5.7.1 <ada@example.com>: Relay access denied")
    assert [message.state for message in messages(desk)] == ["delivered", "pending"]
    stats = current_stats(desk)
    assert (stats.pending, stats.transport_unavailable_since) == (0, None)


def refuse_visitors(desk: Desk, relay: Relay, response: str) -> None:
    """Send the acknowledgement again, and only that, and refuse it with ``response``."""
    relay.script = {"rcpt": response}
    acknowledgement = sa.update(OutboxMessage).where(OutboxMessage.is_acknowledgement)
    with desk.database.session() as session:
        now = desk.database.now(session)
        (message,) = (message for message in messages(desk) if message.is_acknowledgement)
        encrypted = desk.database.keys.encrypt(stored(desk, message.reference).to_json())
        session.execute(
            acknowledgement.values(state="pending", due_at=now, encrypted_message=encrypted)
        )
    desk.says("mailer", "run", "--once")


def stored(desk: Desk, reference: str) -> OutgoingEmail:
    mail = acknowledgement_email(GOOD["email"], reference, get_services(desk.app).clinic)
    assert mail
    return mail


def current_stats(desk: Desk) -> OutboxStats:
    with desk.database.read_session() as session:
        return outbox_stats(session, desk.database.now(session))


def messages(desk: Desk) -> list[OutboxMessage]:
    with desk.database.read_session() as session:
        query = sa.select(OutboxMessage).order_by(OutboxMessage.is_acknowledgement)
        return list(session.scalars(query))


@sqlite_only
def test_acknowledgement_is_canceled_when_the_server_keeps_deferring_it(
    desk: Desk, relay: Relay
) -> None:
    relay.script = {"rcpt": "451 later"}
    desk.send()
    with desk.database.session() as session:
        old = desk.database.now(session) - ACKNOWLEDGEMENT_GIVE_UP_AFTER
        session.execute(sa.update(OutboxMessage).values(queued_at=old))
    desk.says("mailer", "run", "--once")
    assert [message.state for message in messages(desk)] == ["pending", "cancelled"]
    assert "1 waits" not in desk.says("outbox", "list")
    assert current_stats(desk).pending == 1


@sqlite_only
def test_acknowledgement_is_not_sent_after_its_deadline(desk: Desk, relay: Relay) -> None:
    desk.send()
    with desk.database.session() as session:
        old = desk.database.now(session) - ACKNOWLEDGEMENT_GIVE_UP_AFTER
        session.execute(sa.update(OutboxMessage).values(queued_at=old))
    desk.says("mailer", "run", "--once")
    assert messages(desk)[1].state == "cancelled"
    assert visitor_emails(relay) == []
    assert len(relay.received) == 1


def test_acknowledgement_is_canceled_at_its_deadline_during_an_outage(desk: Desk) -> None:
    desk.send()
    with desk.database.session() as session:
        begun = desk.database.now(session)
        session.execute(sa.delete(OutboxMessage).where(~OutboxMessage.is_acknowledgement))
        acknowledgement = claim(session, "m", begun)
        assert acknowledgement
        unavailable = AttemptResult(Outcome.UNAVAILABLE, transport_reply="ConnectionRefusedError")
        deadline = begun + ACKNOWLEDGEMENT_GIVE_UP_AFTER
        assert record_result(session, acknowledgement, unavailable, deadline)
        assert claim(session, "m", deadline) is None
    assert [message.state for message in messages(desk)] == ["cancelled"]


@sqlite_only
def test_no_acknowledgement_to_an_address_with_a_non_ascii_local_part(
    desk: Desk, relay: Relay
) -> None:
    desk.send(email="ádà@example.com")
    desk.says("mailer", "run", "--once")
    assert visitor_emails(relay) == []
    assert len(relay.received) == 1
