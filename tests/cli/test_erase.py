"""A visitor asks to be forgotten. On SQLite and on PostgreSQL."""

import pytest
import sqlalchemy as sa

from app.outbox.models import OutboxMessage
from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


def reference(desk: Desk) -> str:
    return desk.inquiries()[0].reference


def test_delivered_words_go_at_once(desk: Desk) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")
    said = desk.says("inquiries", "erase", reference(desk).lower(), typed="y\n")
    assert "delete the copies in those mailboxes too" in said
    assert desk.inquiries()[0].encrypted_content is None
    assert "erased" in desk.says("inquiries", "list")


def test_an_unsent_mail_is_named_before_it_is_lost(desk: Desk, relay: Relay) -> None:
    desk.send()
    said = desk.says("inquiries", "erase", reference(desk), typed="y\n")
    assert "1 mail not delivered: NOBODY at the front desk has read it" in said
    assert "1 mail cancelled" in said
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    assert desk.message().state == "cancelled"
    assert desk.message().encrypted_message == b""
    assert "cancelled" in desk.says("outbox", "show", str(desk.message().id))


def test_nothing_changes_when_the_answer_is_no(desk: Desk) -> None:
    desk.send()
    assert desk.run("inquiries", "erase", reference(desk), typed="n\n").exit_code == 1
    assert desk.inquiries()[0].encrypted_content
    assert desk.message().state == "pending"


def test_a_mail_under_way_is_waited_for(desk: Desk) -> None:
    desk.send()
    with desk.database.session() as session:
        session.execute(sa.update(OutboxMessage).values(state="sending"))
    result = desk.run("inquiries", "erase", reference(desk), "--yes")
    assert result.exit_code == 1
    assert "is being sent just now; nothing changed" in result.output
    assert desk.inquiries()[0].encrypted_content


def test_a_held_inquiry_can_be_erased(desk: Desk) -> None:
    desk.send(honeypot="x")
    assert "held back as likely spam" in desk.says("inquiries", "erase", reference(desk), "--yes")
    assert desk.inquiries()[0].state == "erased"


def test_what_is_erased_is_not_sent_again(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    result = desk.run("outbox", "requeue", str(desk.message().id), "--yes")
    assert (result.exit_code, desk.message().state) == (1, "cancelled")
    assert "not possible while it is erased; nothing changed" in result.output


@pytest.mark.parametrize("wrong", ["AAA-AAA", "no reference", ""])
def test_an_unknown_reference_is_one_clear_line(desk: Desk, wrong: str) -> None:
    result = desk.run("inquiries", "erase", wrong, "--yes")
    assert (result.exit_code, result.output) == (1, f"Error: no inquiry {wrong!r}\n")


def test_erasing_twice_is_one_clear_line(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    result = desk.run("inquiries", "erase", reference(desk), "--yes")
    assert result.exit_code == 1
    assert "is erased already; nothing changed" in result.output


def test_the_same_words_after_erasing_are_a_new_inquiry(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    assert desk.send().status_code == 303
    assert [one.state for one in desk.inquiries()] == ["erased", "received"]
