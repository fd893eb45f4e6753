"""Delivery and its errors, with a scripted mail server. On SQLite and on PostgreSQL."""

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database.engines import NotDurableError
from app.outbox import circuit_breaker, retry_schedule, worker
from app.outbox.models import DeliveryAttempt, MailTransportState, OutboxMessage, State
from tests.outbox.conftest import EMAIL, OutboxHarness
from tests.support.databases import sqlite_only
from tests.support.smtp_relay import ACCEPT_AND_DROP, DROP, Relay


@sqlite_only
def test_an_email_arrives_complete(harness: OutboxHarness, relay: Relay) -> None:
    harness.enqueue()
    assert harness.mailer().deliver_one()
    (received,) = relay.received
    email = received.message
    assert received.sender == "no-reply@clinic.example"
    assert received.recipients == ("frontdesk@clinic.example",)
    assert email["Subject"] == "[K7R-4M2] Billing question from Ada Example"
    assert email["From"] == "Clinic <no-reply@clinic.example>"
    assert email["Reply-To"] == "ada@example.com"
    assert email["Auto-Submitted"] == "auto-generated"
    assert email.get_all("Message-ID") == [harness.message().message_id]
    assert email["Date"].datetime == harness.message().created_at.replace(microsecond=0)
    text = email.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Hello", ".dot"]


@sqlite_only
@pytest.mark.parametrize("text", ["word " * 1000, "é" * 5000, "x" * 5000], ids=["en", "é", "x"])
def test_a_long_paragraph_is_sent_in_short_lines(
    harness: OutboxHarness, relay: Relay, text: str
) -> None:
    harness.enqueue(replace(EMAIL, text=text, html=f"<main>{text}</main>"))
    harness.mailer().deliver_one()
    (received,) = relay.received
    assert max(map(len, received.content.splitlines())) <= 78
    assert received.content.isascii()
    for kind, whole in (("plain", text), ("html", f"<main>{text}</main>")):
        part = received.message.get_body((kind,))
        assert part is not None
        assert part.get_content().rstrip("\r\n") == whole.rstrip("\r\n")


@sqlite_only
@pytest.mark.parametrize(
    "name",
    ["Jane Roe, MD", "Smith & Sons: East; West", "Clinic @ Main", "Harbor <North>", 'The "Quay"',
     "Klinik München"],
)  # fmt: skip
def test_any_clinic_name_is_shown_in_from_and_the_sender_is_unchanged(
    harness: OutboxHarness, relay: Relay, name: str
) -> None:
    harness.enqueue(replace(EMAIL, sender_name=name))
    harness.mailer().deliver_one()
    (received,) = relay.received
    assert received.sender == "no-reply@clinic.example"
    (address,) = received.message["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "no-reply@clinic.example")


@sqlite_only
def test_an_encoded_word_in_a_name_is_not_decoded(harness: OutboxHarness, relay: Relay) -> None:
    typed = "=?utf-8?b?4oCuZXZpbA0KQmNjOiB4QHkuY29t?="
    harness.enqueue(replace(EMAIL, subject=f"[K7R-4M2] Billing from {typed}"))
    harness.mailer().deliver_one()
    subject = relay.received[0].message["Subject"]
    assert "Bcc" not in subject
    assert "utf-8?b?" in subject


def test_a_delivered_message_loses_its_content_and_is_not_sent_again(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    mailer = harness.mailer()
    assert mailer.deliver_one()
    assert not mailer.deliver_one()
    message = harness.message()
    assert (message.state, message.encrypted_message, message.due_at) == (
        State.DELIVERED,
        None,
        None,
    )
    assert len(relay.received) == 1


@sqlite_only
def test_a_database_that_is_not_durable_stops_no_mailer_and_causes_no_second_copy(
    harness: OutboxHarness, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.enqueue()
    session, failures = harness.database.session, [True, False, True]  # claiming, recording

    def fail_at_times() -> AbstractContextManager[Session]:
        if failures and failures.pop(0):
            raise NotDurableError
        return session()

    monkeypatch.setattr(worker, "RECORD_RETRY_DELAY", 0)
    monkeypatch.setattr(harness.database, "session", fail_at_times)
    mailer = harness.mailer()
    mailer.run(once=True)
    assert relay.received == []
    mailer.run(once=True)
    assert harness.message().state == State.DELIVERED
    assert (len(relay.received), failures) == (1, [])


@sqlite_only
def test_an_empty_outbox_does_not_connect_to_the_mail_server(
    harness: OutboxHarness, relay: Relay
) -> None:
    assert not harness.mailer().deliver_one()
    assert relay.connections == 0


@sqlite_only
@pytest.mark.parametrize(
    "script",
    [{"rcpt": "451 greylisted"}, {"dot": "452 full"}, {"data": DROP}, {"rcpt": "421 bye"}],
    ids=str,
)
def test_a_temporary_error_is_retried_later(
    harness: OutboxHarness, relay: Relay, script: dict[str, str]
) -> None:
    harness.enqueue()
    relay.script = script
    harness.mailer().deliver_one()
    message = harness.message()
    assert message.state == State.PENDING
    assert message.due_at is not None
    assert timedelta(seconds=20) < message.due_at - harness.now() < timedelta(seconds=40)
    relay.script = {}
    harness.update(due_at=harness.now())
    harness.mailer().deliver_one()
    assert harness.message().state == State.DELIVERED
    assert len(relay.received) == 1


def test_after_five_days_of_temporary_errors_the_message_is_dead_but_kept(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    harness.update(attempt_count=retry_schedule.MAX_ATTEMPTS - 1)
    relay.script = {"rcpt": "451 greylisted"}
    harness.mailer().deliver_one()
    message = harness.message()
    assert message.state == State.DEAD
    assert message.encrypted_message is not None
    assert message.last_error == "451 greylisted"


@sqlite_only
@pytest.mark.parametrize(
    "script",
    [{"rcpt": "550 no such user"}, {"dot": "552 too big"}, {"mail": "552 too big"}],
    ids=str,
)
def test_a_permanent_error_without_a_fallback_makes_the_message_dead(
    harness: OutboxHarness, relay: Relay, script: dict[str, str]
) -> None:
    harness.enqueue()
    relay.script = script
    harness.mailer().deliver_one()
    message = harness.message()
    assert message.state == State.DEAD
    assert message.last_code == int(next(iter(script.values()))[:3])


def test_a_refused_message_goes_to_the_fallback_mailbox_with_a_note(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    mailer = harness.mailer(fallback="manager@clinic.example")
    relay.script = {"rcpt": "550 no such user"}
    mailer.deliver_one()
    relay.script = {}
    mailer.deliver_one()
    (received,) = relay.received
    assert received.recipients == ("manager@clinic.example",)
    for kind in ("plain", "html"):
        body = received.message.get_body((kind,))
        assert body is not None
        assert "frontdesk@clinic.example refused" in body.get_content()


def test_a_message_refused_by_the_fallback_too_is_dead(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    mailer = harness.mailer(fallback="manager@clinic.example")
    relay.script = {"rcpt": "550 no such user"}
    mailer.deliver_one()
    mailer.deliver_one()
    assert harness.message().state == State.DEAD
    assert not mailer.deliver_one()


def test_a_lost_connection_after_the_final_dot_sends_the_same_message_again(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    relay.script = {"dot": ACCEPT_AND_DROP}
    harness.mailer().deliver_one()
    relay.script = {}
    harness.update(due_at=harness.now())
    harness.mailer().deliver_one()
    first, second = (received.message for received in relay.received)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


@sqlite_only
@pytest.mark.parametrize(
    "script",
    [
        {"greeting": "421 not now"},
        {"greeting": DROP},
        {"ehlo": "550 who are you"},
        {"mail": "550 sender unknown"},
        {"rcpt": "530 authentication required"},
        {"rcpt": "554 relay access denied"},
    ],
    ids=str,
)
def test_an_unavailable_mail_server_counts_as_no_attempt(
    harness: OutboxHarness, relay: Relay, script: dict[str, str]
) -> None:
    harness.enqueue()
    harness.enqueue()
    relay.script = script
    mailer = harness.mailer()
    assert mailer.deliver_one()
    tried = relay.connections
    assert not mailer.deliver_one()  # the circuit breaker is open
    assert relay.connections == tried
    with harness.database.read_session() as session:
        transport = circuit_breaker.transport_state(session)
        attempts = session.scalars(sa.select(OutboxMessage.attempt_count)).all()
    assert transport is not None
    assert transport.unavailable_since is not None
    assert list(attempts) == [0, 0]


NOT_OURS = "553 5.7.1 <no-reply@clinic.example>: Sender address rejected: not owned by user web"


def _wait(harness: OutboxHarness) -> None:
    """Let the time pass until all unfinished messages and the next probe are due."""
    due = sa.case((OutboxMessage.due_at.is_not(None), OutboxMessage.created_at))
    harness.update(due_at=due)
    _make_probe_due(harness)


def _make_probe_due(harness: OutboxHarness) -> None:
    with harness.database.session() as session:
        now = harness.database.now(session)
        unavailable = MailTransportState.unavailable_since.is_not(None)
        session.execute(sa.update(MailTransportState).where(unavailable).values(next_probe_at=now))


def _rows(harness: OutboxHarness) -> list[OutboxMessage]:
    with harness.database.read_session() as session:
        return list(session.scalars(sa.select(OutboxMessage).order_by(OutboxMessage.created_at)))


def _is_open(harness: OutboxHarness) -> bool:
    with harness.database.read_session() as session:
        return circuit_breaker.is_open(session)


def test_a_relay_that_refuses_us_uses_up_no_attempt_and_gets_everything_later(
    harness: OutboxHarness, relay: Relay
) -> None:
    for _ in range(3):
        harness.enqueue()
    mailer = harness.mailer(fallback="manager@clinic.example")
    relay.script = {"rcpt": NOT_OURS}
    for _ in range(6):
        assert mailer.deliver_one()
        assert not mailer.deliver_one(), "only probes are sent"
        _wait(harness)
    unused = (State.PENDING, 0, False)
    assert [(row.state, row.attempt_count, row.used_fallback) for row in _rows(harness)] == [
        unused
    ] * 3
    relay.script = {}
    while mailer.deliver_one():
        pass
    assert {received.recipients for received in relay.received} == {(EMAIL.recipient,)}
    assert len(relay.received) == 3
    assert not _is_open(harness)


def test_one_message_that_the_relay_refuses_does_not_stop_the_others(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue(replace(EMAIL, recipient="refused@clinic.example"))
    relay.script, relay.only = {"rcpt": "550 5.7.1 no"}, "refused@clinic.example"
    mailer = harness.mailer()
    mailer.deliver_one()
    assert _is_open(harness)
    harness.enqueue()
    _make_probe_due(harness)
    assert mailer.deliver_one(), "the probe is the other message"
    assert not _is_open(harness)
    for attempts in (1, 2, 3):
        _wait(harness)
        harness.enqueue()
        assert mailer.deliver_one()
        assert mailer.deliver_one()
        assert not _is_open(harness), "the message is to blame"
        refused = _rows(harness)[0]
        assert (refused.state, refused.attempt_count) == (State.PENDING, attempts)
    assert len(relay.received) == 4
    harness.update(attempt_count=retry_schedule.MAX_ATTEMPTS - 1)
    _wait(harness)
    mailer.deliver_one()
    assert (_rows(harness)[0].state, _rows(harness)[0].last_code) == (State.DEAD, 550)


def test_a_successful_probe_closes_the_circuit_breaker(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    harness.enqueue()
    relay.script = {"greeting": DROP}
    mailer = harness.mailer()
    mailer.deliver_one()
    relay.script = {}
    _make_probe_due(harness)
    assert mailer.deliver_one()
    assert mailer.deliver_one()
    assert len(relay.received) == 2


def test_a_probe_scheduled_before_the_clock_was_set_back_is_made_now(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    relay.script = {"greeting": DROP}
    mailer = harness.mailer()
    mailer.deliver_one()
    relay.script = {}
    tomorrow = harness.now() + timedelta(days=1)
    with harness.database.session() as session:
        session.execute(sa.update(MailTransportState).values(next_probe_at=tomorrow))
    assert mailer.deliver_one()
    assert len(relay.received) == 1


@sqlite_only
def test_an_email_from_a_newer_version_does_not_stop_the_others(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    content = {**json.loads(EMAIL.to_json()), "priority": "high"}
    harness.update(encrypted_message=harness.database.keys.encrypt(json.dumps(content)))
    harness.enqueue()
    mailer = harness.mailer()
    assert mailer.deliver_one()
    assert mailer.deliver_one()
    assert len(relay.received) == 1
    with harness.database.read_session() as session:
        states = session.scalars(sa.select(OutboxMessage.state)).all()
    assert sorted(states) == ["delivered", "pending"]


def test_every_attempt_is_recorded(harness: OutboxHarness, relay: Relay) -> None:
    harness.enqueue()
    relay.script = {"rcpt": "451 greylisted"}
    harness.mailer().deliver_one()
    relay.script = {}
    harness.update(due_at=harness.now())
    harness.mailer().deliver_one()
    with harness.database.read_session() as session:
        rows = session.scalars(sa.select(DeliveryAttempt).order_by(DeliveryAttempt.id)).all()
    assert [(row.outcome, row.code) for row in rows] == [("failed", 451), ("delivered", 250)]
