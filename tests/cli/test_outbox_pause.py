"""``flask outbox pause`` and ``resume``."""

from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


def test_nothing_is_sent_while_paused_and_the_list_says_so(desk: Desk, relay: Relay) -> None:
    desk.says("outbox", "pause", "--yes")
    desk.send()
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    assert desk.message().attempt_count == 0
    output = desk.says("outbox", "list")
    assert "The outbox is paused since" in output
    assert desk.inquiries()[0].reference in output


def test_resume_lists_what_would_be_sent_and_asks(desk: Desk, relay: Relay) -> None:
    desk.says("outbox", "pause", "--yes")
    desk.send()
    refused = desk.run("outbox", "resume", typed="n\n")
    assert refused.exit_code == 1
    assert "billing@nullharbor.example" in refused.output
    assert "Send 1 message and resume?" in refused.output
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    desk.says("outbox", "resume", typed="y\n")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1


def test_resuming_an_outbox_that_is_not_paused_is_an_error(desk: Desk) -> None:
    result = desk.run("outbox", "resume", "--yes")
    assert result.exit_code == 1
    assert result.output == "Error: the outbox is not paused; nothing changed\n"
