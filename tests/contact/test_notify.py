"""How much of an inquiry leaves the server by mail, seen at a real mail server."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.cli.test_commands import Desk
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import Relay, relay

__all__ = ["relay"]


@pytest.fixture
def desk_with(make_app: Callable[..., Flask], relay: Relay) -> Callable[[str], Desk]:
    def make(notify: str) -> Desk:
        clear = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
        return Desk(make_app(NOTIFICATION_DETAIL=notify, **clear))

    return make


@pytest.mark.parametrize(
    ("notify", "said", "answered"),
    [("full", {"Ada", "checks"}, True), ("contact", {"Ada"}, True), ("minimal", set(), False)],
)
def test_the_mail_says_what_the_setting_allows(
    desk_with: Callable[[str], Desk],
    relay: Relay,
    notify: str,
    said: set[str],
    answered: bool,  # noqa: FBT001
) -> None:
    desk = desk_with(notify)
    desk.send()
    desk.call(message="Do you take checks, too?")
    desk.send(honeypot="x", message="Held checks")
    desk.says("inquiries", "release", desk.inquiries()[-1].reference, "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 3
    for taken in relay.received:
        whole = taken.message.as_string() + taken.message["Subject"]
        assert {word for word in ("Ada", "checks") if word in whole} == said
        assert (taken.message["Reply-To"] == GOOD["email"]) == answered
