"""Whom the answers of real mail servers blame: the mailbox, the message, nobody yet, or us."""

import datetime as dt
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    MessageRefused,
    RecipientRefused,
    SendError,
    TemporaryFailure,
    TransportFault,
    TransportUnavailable,
)
from tests.outbox.conftest import EMAIL
from tests.support.smtp_relay import Relay
from tests.support.transports import transport_of

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
ANSWERS = tomllib.loads(Path(__file__).with_name("smtp_answers.toml").read_text())["answer"]
STEPS = {"auth": "auth", "mail": "mail", "rcpt": "rcpt", "data": "data", "data-end": "dot"}
BLAME = {
    TransportUnavailable: "us",
    RecipientRefused: "mailbox",
    MessageRefused: "message",
    TemporaryFailure: "later",
}
ACKNOWLEDGEMENT = replace(EMAIL, recipient="ada@example.com", is_acknowledgement=True)


@pytest.fixture
def app(make_app: Callable[..., Flask], relay: Relay) -> Flask:
    relay.login = True
    return make_app(
        MAIL_SERVER="localhost",
        MAIL_PORT=str(relay.port),
        MAIL_USE_TLS="false",
        MAIL_USERNAME="web",
        MAIL_PASSWORD="secret",
        MAIL_DEFAULT_SENDER="no-reply@clinic.example",
    )


def result(
    app: Flask, relay: Relay, stage: str, line: str, email: OutgoingEmail = EMAIL
) -> SendError:
    """The result of a send when the relay answers with ``line`` at ``stage``."""
    relay.script = {STEPS[stage]: line.replace("\n", "\r\n")}
    with app.app_context(), pytest.raises(SendError) as caught:
        transport_of(app).send(
            email, message_id="<a@clinic.example>", date=WHEN, on_data_sent=lambda: None
        )
    return caught.value


def test_each_answer_blames_whom_the_server_means(app: Flask, relay: Relay) -> None:
    wrong = {}
    for answer in ANSWERS:
        found = BLAME[type(result(app, relay, answer["stage"], answer["line"]))]
        if found != answer["blame"]:
            wrong[answer["server"]] = f"{found} instead of {answer['blame']}: {answer['line']}"
    assert wrong == {}


def test_an_address_that_a_visitor_chose_never_stops_all_email(app: Flask, relay: Relay) -> None:
    for answer in ANSWERS:
        if answer["stage"] in ("rcpt", "data", "data-end") and not answer["line"].startswith("530"):
            error = result(app, relay, answer["stage"], answer["line"], ACKNOWLEDGEMENT)
            assert not isinstance(error, TransportUnavailable), answer["server"]


@pytest.mark.parametrize(
    ("stage", "line", "fault"),
    [
        ("auth", "535 5.7.8 wrong password", TransportFault.AUTHENTICATION),
        ("mail", "530 5.7.0 Authentication required", TransportFault.AUTHENTICATION),
        ("mail", "550 5.1.8 not yours", TransportFault.SENDER),
        ("data-end", "550 5.4.5 Daily user sending limit exceeded.", TransportFault.SENDER),
    ],
)
def test_the_fault_says_what_to_correct(
    app: Flask, relay: Relay, stage: str, line: str, fault: TransportFault
) -> None:
    assert result(app, relay, stage, line).fault is fault


def test_an_answer_that_may_quote_the_visitor_is_not_kept(app: Flask, relay: Relay) -> None:
    line = "554 5.7.1 rejected: subject Billing question from Ada Example"
    error = result(app, relay, "data-end", line)
    assert str(error) == f"{error.code} 5.7.1 (reply not stored: it may quote the message)"
