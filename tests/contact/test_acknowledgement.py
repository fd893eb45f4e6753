"""The visitor's mail: nothing they typed, one an hour, and no problem for anybody."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.contact.emails import acknowledgement_email
from app.contact.models import Acknowledgement
from app.database import Database
from app.outbox.models import OutboxMessage, Outcome, OutgoingEmail
from app.outbox.queue import claim
from app.outbox.results import AttemptResult, record_result
from app.outbox.retry_schedule import ACKNOWLEDGEMENT_GIVE_UP
from app.services import services_of
from tests.cli.test_commands import Desk
from tests.contact.conftest import GOOD
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


def to_visitors(relay: Relay) -> list[ReceivedMessage]:
    return [one for one in relay.received if one.recipients[0].endswith("@example.com")]


def test_it_is_off_unless_it_is_turned_on(make_app: Callable[..., Flask], relay: Relay) -> None:
    desk = Desk(make_app(MAIL_PORT=str(relay.port), MAIL_USE_TLS="false"))
    desk.send()
    desk.says("mailer", "run", "--once")
    assert [one.recipients for one in relay.received] == [("billing@nullharbor.example",)]


def test_it_tells_what_comes_next_and_holds_nothing_that_was_typed(
    desk: Desk, relay: Relay
) -> None:
    desk.send(None, **TYPED)
    desk.says("mailer", "run", "--once")
    (taken,) = to_visitors(relay)
    mail, reference = taken.message, desk.inquiries()[0].reference
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Reply-To"] == "hello@nullharbor.example"
    assert mail["Subject"] == f"[{reference}] We received your message"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        text = part.get_content()
        for said in (reference, "one working day", "212-555-0142", "911", "988"):
            assert said in text
        for typed in ("Zebulon", "marker", "Marker", "0199", "billing", "Billing"):
            assert typed not in text
    (ours,) = (one for one in relay.received if one is not taken)
    assert ours.message["Auto-Submitted"] == "auto-generated"
    assert ours.recipients == ("billing@nullharbor.example",)


def test_one_address_gets_one_an_hour(desk: Desk, relay: Relay) -> None:
    for number, email in enumerate(("ada@example.com", "ADA@example.com", "ada+2@example.com")):
        desk.send(email=email, message=f"Question {number}")
    desk.call(message="And another")
    desk.send(email="bob@example.com")
    desk.says("mailer", "run", "--once")
    assert len(desk.inquiries()) == 5
    assert sorted(one.recipients[0] for one in to_visitors(relay)) == [
        "ada@example.com",
        "bob@example.com",
    ]
    with desk.database.session() as session:
        hour = desk.database.now(session) - timedelta(hours=1)
        session.execute(sa.update(Acknowledgement).values(written_at=hour))
    desk.send(message="An hour later")
    desk.says("mailer", "run", "--once")
    assert len(to_visitors(relay)) == 3


def test_the_digests_are_let_go(desk: Desk) -> None:
    desk.send()
    desk.says("retention", "run")
    assert digests(desk.database) == 1
    with desk.database.session() as session:
        hour = desk.database.now(session) - timedelta(hours=1)
        session.execute(sa.update(Acknowledgement).values(written_at=hour))
    desk.says("retention", "run")
    assert digests(desk.database) == 0


def digests(database: Database) -> int:
    with database.read_session() as session:
        return len(session.scalars(sa.select(Acknowledgement)).all())


def test_what_is_held_is_not_acknowledged_now_or_later(desk: Desk, relay: Relay) -> None:
    desk.send(honeypot="x")
    desk.says("inquiries", "release", desk.inquiries()[0].reference, "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1
    assert to_visitors(relay) == []


@pytest.mark.parametrize(
    "answer", ["550 5.1.1 unknown", "554 5.7.1 <ada@example.com>: Relay access denied"]
)
def test_a_mistyped_address_troubles_nobody(desk: Desk, relay: Relay, answer: str) -> None:
    """Neither an alert, nor the fallback mailbox, nor the breaker, nor the retention."""
    desk.send()
    desk.says("mailer", "run", "--once")
    relay.received.clear()
    refuse_visitors(desk, relay, answer)
    assert [message.state for message in messages(desk)] == ["delivered", "cancelled"]
    assert relay.received == []
    health = json.loads(desk.client.get("/healthz/outbox").data)
    assert (health["dead"], health["pending"], health["transport_unavailable_since"]) == (
        0,
        0,
        None,
    )
    listed = desk.says("outbox", "list", "--all")
    assert "acknowledgement given up" in listed
    assert "ada@example.com" not in listed
    assert "delivered" in desk.says("inquiries", "list")
    relay.script = {}
    desk.send(message="The next one", email="bob@example.com")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 2


def refuse_visitors(desk: Desk, relay: Relay, answer: str) -> None:
    """As if the visitor's mail, and only that, had met ``answer``."""
    relay.script = {"rcpt": answer}
    courtesy = sa.update(OutboxMessage).where(OutboxMessage.is_acknowledgement)
    with desk.database.session() as session:
        now = desk.database.now(session)
        (message,) = (one for one in messages(desk) if one.is_acknowledgement)
        sealed = desk.database.keys.encrypt(stored(desk, message.reference).to_json())
        session.execute(courtesy.values(state="pending", due_at=now, encrypted_message=sealed))
    desk.says("mailer", "run", "--once")


def stored(desk: Desk, reference: str) -> OutgoingEmail:
    mail = acknowledgement_email(GOOD["email"], reference, services_of(desk.app).clinic)
    assert mail
    return mail


def messages(desk: Desk) -> list[OutboxMessage]:
    with desk.database.read_session() as session:
        query = sa.select(OutboxMessage).order_by(OutboxMessage.is_acknowledgement)
        return list(session.scalars(query))


def test_a_server_that_says_later_is_given_up_within_hours(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 later"}
    desk.send()
    with desk.database.session() as session:
        old = desk.database.now(session) - ACKNOWLEDGEMENT_GIVE_UP
        session.execute(sa.update(OutboxMessage).values(queued_at=old))
    desk.says("mailer", "run", "--once")
    assert [message.state for message in messages(desk)] == ["pending", "cancelled"]
    assert "1 waits" not in desk.says("outbox", "list")
    assert json.loads(desk.client.get("/healthz/outbox").data)["pending"] == 1


def test_when_the_relay_is_back_too_late_it_is_not_sent(desk: Desk, relay: Relay) -> None:
    desk.send()
    with desk.database.session() as session:
        old = desk.database.now(session) - ACKNOWLEDGEMENT_GIVE_UP
        session.execute(sa.update(OutboxMessage).values(queued_at=old))
    desk.says("mailer", "run", "--once")
    assert messages(desk)[1].state == "cancelled"
    assert to_visitors(relay) == []
    assert len(relay.received) == 1


def test_a_courtesy_whose_time_ends_while_the_relay_fails_is_given_up(desk: Desk) -> None:
    desk.send()
    with desk.database.session() as session:
        begun = desk.database.now(session)
        courtesy = sa.update(OutboxMessage).where(OutboxMessage.is_acknowledgement)
        session.execute(courtesy.values(due_at=begun - timedelta(minutes=1)))
        taken = claim(session, "m", begun)
        assert taken
        assert taken.is_acknowledgement
        report = AttemptResult(Outcome.UNAVAILABLE, transport_reply="ConnectionRefusedError")
        assert record_result(
            session, desk.database.keys, taken, report, begun + ACKNOWLEDGEMENT_GIVE_UP
        )
    assert messages(desk)[1].state == "cancelled"


def test_an_address_that_not_every_server_takes_gets_none(desk: Desk, relay: Relay) -> None:
    desk.send(email="ádà@example.com")
    desk.says("mailer", "run", "--once")
    assert to_visitors(relay) == []
    assert len(relay.received) == 1
