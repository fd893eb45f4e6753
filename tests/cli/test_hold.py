"""On hold nothing is sent, and a person decides when it is again."""

from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]


def test_on_hold_nothing_is_sent_and_the_list_says_so(desk: Desk, relay: Relay) -> None:
    desk.says("outbox", "pause", "--yes")
    desk.send()
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    assert desk.message().attempts == 0
    said = desk.says("outbox", "list")
    assert "The outbox is on hold since" in said
    assert desk.inquiries()[0].reference in said


def test_a_release_shows_what_would_go_and_asks(desk: Desk, relay: Relay) -> None:
    desk.says("outbox", "pause", "--yes")
    desk.send()
    refused = desk.run("outbox", "resume", typed="n\n")
    assert refused.exit_code == 1
    assert "billing@nullharbor.example" in refused.output
    assert "Send this mail, and go on as usual?" in refused.output
    desk.says("mailer", "run", "--once")
    assert relay.received == []
    desk.says("outbox", "resume", typed="y\n")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1


def test_releasing_what_is_not_held_is_one_clear_line(desk: Desk) -> None:
    result = desk.run("outbox", "resume", "--yes")
    assert result.exit_code == 1
    assert result.output == "Error: the outbox is not on hold; nothing changed\n"
