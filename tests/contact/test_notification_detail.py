"""How much of an inquiry the emails have, as received by a real mail server."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.cli.test_commands import Desk
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import Relay, relay

__all__ = ["relay"]


@pytest.fixture
def desk_with(make_app: Callable[..., Flask], relay: Relay) -> Callable[[str], Desk]:
    def make(detail: str) -> Desk:
        clear = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
        return Desk(make_app(NOTIFICATION_DETAIL=detail, **clear))

    return make


@pytest.mark.parametrize(
    ("detail", "expected", "can_reply"),
    [("full", {"Ada", "checks"}, True), ("contact", {"Ada"}, True), ("minimal", set(), False)],
)
def test_notification_has_what_the_setting_allows(
    desk_with: Callable[[str], Desk],
    relay: Relay,
    detail: str,
    expected: set[str],
    can_reply: bool,  # noqa: FBT001
) -> None:
    desk = desk_with(detail)
    desk.send()
    desk.call(message="Do you take checks, too?")
    desk.send(honeypot="x", message="Held checks")
    desk.says("inquiries", "release", desk.inquiries()[-1].reference, "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 3
    for taken in relay.received:
        text = taken.message.as_string() + taken.message["Subject"]
        assert {word for word in ("Ada", "checks") if word in text} == expected
        assert (taken.message["Reply-To"] == GOOD["email"]) == can_reply
