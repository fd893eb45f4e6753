"""``flask outbox requeue`` follows today's clinic.toml, on SQLite and PostgreSQL."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.outbox.models import OutboxMessage
from app.services import get_services
from tests.cli.test_commands import Desk, desk
from tests.support.databases import sqlite_only
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]

NO_SUCH_USER = {"rcpt": "550 5.1.1 no such user"}


def set_mailboxes(desk: Desk, *mailboxes: str, fallback: str | None = None) -> None:
    """Change the mailboxes of every topic, as in clinic.toml before a restart."""
    services = get_services(desk.app)
    topics = tuple(
        topic.model_copy(update={"mailboxes": mailboxes}) for topic in services.clinic.topics
    )
    services.clinic = services.clinic.model_copy(
        update={"topics": topics, "fallback_mailbox": fallback}
    )
    services.inquiries = replace(services.inquiries, clinic=services.clinic)


def messages(desk: Desk) -> list[OutboxMessage]:
    with desk.database.read_session() as session:
        return list(session.scalars(sa.select(OutboxMessage).order_by(OutboxMessage.mailbox)))


def refuse(desk: Desk, relay: Relay) -> None:
    """Send an inquiry that its mailboxes refuse."""
    relay.script = NO_SUCH_USER
    desk.send()
    desk.says("mailer", "run", "--once")
    relay.script = {}


def recipients(relay: Relay) -> list[str]:
    return sorted(received.recipients[0] for received in relay.received)


def test_a_corrected_mailbox_gets_what_the_wrong_one_refused(desk: Desk, relay: Relay) -> None:
    set_mailboxes(desk, "frnt@clinic.example")
    refuse(desk, relay)
    set_mailboxes(desk, "front@clinic.example")
    shown = desk.says("outbox", "requeue", str(desk.message().id), typed="y\n")
    assert "send it to front@clinic.example" in shown
    desk.says("mailer", "run", "--once")
    (received,) = relay.received
    assert received.recipients == ("front@clinic.example",)
    assert received.message["To"] == "front@clinic.example"
    assert desk.message().state == "delivered"


@pytest.mark.parametrize("fallback_accepts", [True, False])
def test_what_went_to_the_fallback_mailbox_goes_to_the_corrected_one(
    desk: Desk,
    relay: Relay,
    fallback_accepts: bool,  # noqa: FBT001
) -> None:
    set_mailboxes(desk, "frnt@clinic.example", fallback="manager@clinic.example")
    relay.only = "frnt@clinic.example" if fallback_accepts else ""
    refuse(desk, relay)
    to_fallback = "delivered to the fallback mailbox" in desk.says("outbox", "list", "--all")
    assert to_fallback == fallback_accepts
    relay.received.clear()
    set_mailboxes(desk, "front@clinic.example", fallback="manager@clinic.example")
    desk.says("outbox", "requeue", str(desk.message().id), "--yes")
    desk.says("mailer", "run", "--once")
    (received,) = relay.received
    assert received.recipients == ("front@clinic.example",)
    body = received.message.get_body(("plain",))
    assert body is not None
    assert "fallback" not in body.get_content()
    result = desk.run("outbox", "requeue", str(desk.message().id), "--yes")
    assert "not possible while it is delivered; nothing changed" in result.output


@pytest.mark.parametrize(
    ("before", "today", "expected"),
    [
        ("a", "a", "a"),
        ("a", "A", "A"),
        ("a", "b", "b"),
        ("a", "b c", "b c"),
        ("a", "a b", "a b"),
        ("a b", "c", "c"),
        ("a b", "b", "b"),
        ("a b", "c d", "c d"),
        ("a b", "a c", "a c"),
    ],
)
def test_each_mailbox_of_today_gets_one_email(
    desk: Desk, relay: Relay, before: str, today: str, expected: str
) -> None:
    set_mailboxes(desk, *(f"{name}@clinic.example" for name in before.split()))
    refuse(desk, relay)
    set_mailboxes(desk, *(f"{name}@clinic.example" for name in today.split()))
    shown = desk.says("outbox", "requeue", "--all", "--yes")
    assert sorted(re.findall(r"(\w+)@clinic", shown)) == sorted(expected.split()), "said before"
    desk.says("mailer", "run", "--once")
    assert recipients(relay) == [f"{name}@clinic.example" for name in expected.split()]
    assert {message.state for message in messages(desk)} <= {"delivered", "cancelled"}


def test_a_mailbox_that_has_the_inquiry_gets_no_second_email(desk: Desk, relay: Relay) -> None:
    set_mailboxes(desk, "a@clinic.example", "b@clinic.example")
    relay.only = "b@clinic.example"
    refuse(desk, relay)
    set_mailboxes(desk, "a@clinic.example")
    (_, refused) = messages(desk)
    shown = desk.says("outbox", "requeue", str(refused.id), "--yes")
    assert "cancel it: each mailbox of its topic has an email about this inquiry" in shown
    desk.says("mailer", "run", "--once")
    assert recipients(relay) == ["a@clinic.example"]
    assert [message.state for message in messages(desk)] == ["delivered", "cancelled"]


def test_a_message_can_be_sent_elsewhere_once(desk: Desk, relay: Relay) -> None:
    set_mailboxes(desk, "a@clinic.example", "b@clinic.example")
    relay.only = "b@clinic.example"
    refuse(desk, relay)
    (_, refused) = messages(desk)
    elsewhere = ("outbox", "requeue", str(refused.id), "--to", "manager@other.example", "--yes")
    assert "send it to manager@other.example" in desk.says(*elsewhere)
    desk.says("mailer", "run", "--once")
    assert recipients(relay) == ["a@clinic.example", "manager@other.example"]
    assert "redirected" in desk.says("inquiries", "audit-log")
    result = desk.run("outbox", "requeue", str(refused.id), "--yes")
    assert "not possible while it is delivered; nothing changed" in result.output


@sqlite_only
@pytest.mark.parametrize(
    "to", ["nobody", "ádà@clinic.example", "a@clinic.example, b@clinic.example"]
)
def test_an_invalid_address_is_refused(desk: Desk, to: str) -> None:
    desk.send()
    result = desk.run("outbox", "requeue", str(desk.message().id), "--to", to, "--yes")
    assert result.exit_code == 2
    assert "must be an address in ASCII" in result.output


@sqlite_only
def test_a_message_or_all_must_be_named(desk: Desk) -> None:
    assert desk.run("outbox", "requeue", "--yes").exit_code == 2
    assert desk.run("outbox", "requeue", "abcd", "--all", "--yes").exit_code == 2
    assert desk.run("outbox", "requeue", "--all", "--to", "a@b.example", "--yes").exit_code == 2


@sqlite_only
def test_an_acknowledgement_keeps_its_address(desk: Desk, relay: Relay) -> None:
    services = get_services(desk.app)
    services.inquiries = replace(services.inquiries, send_acknowledgement=True)
    desk.send()
    (acknowledgement, _) = messages(desk)
    assert acknowledgement.is_acknowledgement
    desk.says("outbox", "cancel", str(acknowledgement.id), "--yes")
    result = desk.run("outbox", "requeue", str(acknowledgement.id), "--to", "a@b.example", "--yes")
    assert "an acknowledgement goes only to the visitor; nothing changed" in result.output
    shown = desk.says("outbox", "requeue", str(acknowledgement.id), "--yes")
    assert "send it to the visitor" in shown
    assert "ada@example.com" not in shown
    assert messages(desk)[0].mailbox is None, "no visitor's address is stored in clear"
    desk.says("mailer", "run", "--once")
    assert recipients(relay) == ["ada@example.com", "billing@nullharbor.example"]


@sqlite_only
def test_a_digest_keeps_its_address_unless_another_is_named(desk: Desk, relay: Relay) -> None:
    set_mailboxes(desk, "a@clinic.example")
    refuse(desk, relay)
    with desk.database.session() as session:
        session.execute(sa.update(OutboxMessage).values(reference="digest-2026-07-01"))
    set_mailboxes(desk, "b@clinic.example")
    desk.says("outbox", "requeue", "--all", "--yes")
    desk.says("mailer", "run", "--once")
    assert recipients(relay) == ["a@clinic.example"]
