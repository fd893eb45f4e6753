"""``flask inquiries erase``, on SQLite and PostgreSQL."""

import pytest
import sqlalchemy as sa

from app.outbox.models import OutboxMessage
from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


def reference(desk: Desk) -> str:
    return desk.inquiries()[0].reference


def test_content_is_erased_at_once(desk: Desk) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")
    output = desk.says("inquiries", "erase", reference(desk).lower(), typed="y\n")
    assert "also delete the copies in those mailboxes" in output
    assert desk.inquiries()[0].encrypted_content is None
    assert "erased" in desk.says("inquiries", "list")


def test_an_undelivered_email_is_mentioned_and_cancelled(desk: Desk, relay: Relay) -> None:
    desk.send()
    output = desk.says("inquiries", "erase", reference(desk), typed="y\n")
    assert "1 email NOT delivered: nobody at the front desk has read it" in output
    assert "1 message cancelled" in output
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    assert desk.message().state == "cancelled"
    assert desk.message().encrypted_message == b""
    assert "cancelled" in desk.says("outbox", "show", str(desk.message().id))


def test_nothing_changes_without_confirmation(desk: Desk) -> None:
    desk.send()
    assert desk.run("inquiries", "erase", reference(desk), typed="n\n").exit_code == 1
    assert desk.inquiries()[0].encrypted_content
    assert desk.message().state == "pending"


def test_an_inquiry_is_not_erased_while_its_email_is_being_sent(desk: Desk) -> None:
    desk.send()
    with desk.database.session() as session:
        session.execute(sa.update(OutboxMessage).values(state="sending"))
    result = desk.run("inquiries", "erase", reference(desk), "--yes")
    assert result.exit_code == 1
    assert "is being sent; nothing changed" in result.output
    assert desk.inquiries()[0].encrypted_content


def test_a_quarantined_inquiry_can_be_erased(desk: Desk) -> None:
    desk.send(honeypot="x")
    assert "quarantined as likely spam" in desk.says("inquiries", "erase", reference(desk), "--yes")
    assert desk.inquiries()[0].state == "erased"


def test_an_erased_message_cannot_be_requeued(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    result = desk.run("outbox", "requeue", str(desk.message().id), "--yes")
    assert (result.exit_code, desk.message().state) == (1, "cancelled")
    assert "not possible while it is erased; nothing changed" in result.output


@pytest.mark.parametrize("wrong", ["AAA-AAA", "no reference", ""])
def test_an_unknown_reference_is_reported_in_one_line(desk: Desk, wrong: str) -> None:
    result = desk.run("inquiries", "erase", wrong, "--yes")
    assert (result.exit_code, result.output) == (1, f"Error: no inquiry {wrong!r}\n")


def test_erasing_twice_is_an_error(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    result = desk.run("inquiries", "erase", reference(desk), "--yes")
    assert result.exit_code == 1
    assert "is already erased; nothing changed" in result.output


def test_the_same_content_is_a_new_inquiry_after_erasure(desk: Desk) -> None:
    desk.send()
    desk.says("inquiries", "erase", reference(desk), "--yes")
    assert desk.send().status_code == 303
    assert [one.state for one in desk.inquiries()] == ["erased", "received"]
