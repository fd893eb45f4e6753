"""``flask outbox`` and ``flask inquiries``, on SQLite and PostgreSQL."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from app.outbox.models import OutboxMessage
from tests.contact.conftest import Visitor
from tests.support.smtp_relay import Relay, relay

__all__ = ["relay"]


class Desk(Visitor):
    """A site with a visitor and an operator at its command line."""

    def run(self, *command: str, typed: str = "") -> Result:
        return self.app.test_cli_runner().invoke(args=list(command), input=typed)

    def says(self, *command: str, typed: str = "") -> str:
        result = self.run(*command, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    def message(self) -> OutboxMessage:
        with self.database.read_session() as session:
            return session.scalars(sa.select(OutboxMessage)).one()


@pytest.fixture
def desk(make_app: Callable[..., Flask], database_url: str, relay: Relay) -> Desk:
    app = make_app(
        DATABASE_URL=database_url,
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(relay.port),
        MAIL_USE_TLS="false",
    )
    return Desk(app)


def test_mailer_once_sends_pending_messages_and_stops(desk: Desk, relay: Relay) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")
    (taken,) = relay.received
    assert taken.message["Reply-To"] == "ada@example.com"
    assert desk.says("outbox", "list") == "No entries.\n"
    assert "delivered" in desk.says("outbox", "list", "--all")


def test_list_and_show_explain_an_undelivered_message(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 greylisted"}
    desk.send()
    desk.says("mailer", "run", "--once")
    listed = desk.says("outbox", "list")
    assert "billing@nullharbor.example" in listed
    assert "greylisted" in listed
    shown = desk.says("outbox", "show", str(desk.message().id)[:8])
    assert "451" in shown
    assert "failed" in shown


def test_the_messages_of_an_inquiry_are_shown_by_its_reference(
    make_app: Callable[..., Flask],
) -> None:
    desk = Desk(make_app(SEND_ACKNOWLEDGEMENT="true"))
    desk.send()
    messages = json.loads(desk.says("outbox", "list", "--json"))["messages"]
    assert len(messages) == 2, "to the front desk and to the visitor"
    shown = desk.says("outbox", "show", desk.inquiries()[0].reference.lower())
    assert all(shown.count(message["id"]) == 1 for message in messages)


def test_list_reports_an_unavailable_mail_server(desk: Desk, relay: Relay) -> None:
    relay.close()
    desk.send()
    desk.says("mailer", "run", "--once")
    listed = desk.says("outbox", "list")
    assert "The mail server is unavailable since" in listed
    assert "Messages are kept, and sent afterwards" in listed


def test_a_dead_message_can_be_requeued(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "550 5.1.1 unknown"}
    desk.send()
    desk.says("mailer", "run", "--once")
    assert desk.message().state == "dead"
    relay.script = {}
    desk.says("outbox", "requeue", str(desk.message().id), typed="y\n")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1
    assert "requeued" in desk.says("outbox", "show", str(desk.message().id))


@pytest.mark.parametrize("command", ["list", "audit-log"])
@pytest.mark.parametrize("limit", ["-1", "0", "many"])
def test_a_limit_must_be_a_positive_number(desk: Desk, command: str, limit: str) -> None:
    result = desk.run("inquiries", command, "--limit", limit)
    assert result.exit_code == 2
    assert "Invalid value for '--limit'" in result.output


def test_requeuing_restarts_the_retry_period(desk: Desk, relay: Relay) -> None:
    desk.send()
    with desk.database.session() as session:
        old = desk.database.now(session) - timedelta(days=20)
        session.execute(sa.update(OutboxMessage).values(state="dead", due_at=None, queued_at=old))
    desk.says("outbox", "requeue", str(desk.message().id), "--yes")
    relay.script = {"rcpt": "451 later"}
    desk.says("mailer", "run", "--once")
    assert desk.message().state == "pending"


def test_cancel_changes_nothing_without_confirmation(desk: Desk) -> None:
    desk.send()
    result = desk.run("outbox", "cancel", str(desk.message().id), typed="n\n")
    assert result.exit_code == 1
    assert desk.message().state == "pending"


def test_a_cancelled_message_is_not_sent_and_stays_listed(desk: Desk, relay: Relay) -> None:
    desk.send()
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    assert "cancelled" in desk.says("outbox", "show", str(desk.message().id))
    assert len(desk.inquiries()) == 1


def test_a_delivered_message_cannot_be_cancelled(desk: Desk) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")
    result = desk.run("outbox", "cancel", str(desk.message().id), "--yes")
    assert result.exit_code == 1
    assert "nothing changed" in result.output


@pytest.mark.parametrize("wrong", ["ffff", "no-id", ""])
def test_an_unknown_message_is_reported_in_one_line(desk: Desk, wrong: str) -> None:
    result = desk.run("outbox", "show", wrong)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_the_inquiry_list_contains_no_personal_data(desk: Desk) -> None:
    desk.send()
    listed = desk.says("inquiries", "list")
    assert desk.inquiries()[0].reference in listed
    assert "Ada" not in listed


def test_an_inquiry_is_shown_by_its_reference_without_control_characters(desk: Desk) -> None:
    desk.send(message="Line\x1b[31m one")
    shown = desk.says("inquiries", "show", desk.inquiries()[0].reference.lower())
    assert "Ada Example" in shown
    assert "\x1b" not in shown


def test_a_quarantined_inquiry_is_sent_when_released(desk: Desk, relay: Relay) -> None:
    desk.send(honeypot="x")
    assert "hidden field" in desk.says("inquiries", "list", "--quarantined")
    desk.says("inquiries", "release", desk.inquiries()[0].reference, "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1
    listed = json.loads(desk.says("inquiries", "list", "--json"))[0]
    assert (listed["state"], listed["emails"]) == ("received", "delivered")
    assert "hidden field" in listed["quarantine_reasons"]
    again = desk.run("inquiries", "release", desk.inquiries()[0].reference, "--yes")
    assert again.exit_code == 1
    assert len(relay.received) == 1


def test_an_unknown_reference_is_reported_in_one_line(desk: Desk) -> None:
    result = desk.run("inquiries", "show", "AAA-AAA")
    assert result.exit_code == 1
    assert result.output == "Error: no inquiry 'AAA-AAA'\n"
