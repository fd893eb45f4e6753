"""What becomes of a mail, whatever the relay does. On SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.outbox import circuit_breaker
from app.outbox.models import DeliveryAttempt, MailTransportState, OutboxMessage, State
from tests.outbox.conftest import MAIL, Desk
from tests.support.smtp_relay import ACCEPT_AND_DROP, DROP, Relay


def test_a_mail_arrives_whole(desk: Desk, relay: Relay) -> None:
    desk.put()
    assert desk.mailer().deliver_one()
    (taken,) = relay.received
    mail = taken.message
    assert taken.sender == "no-reply@clinic.example"
    assert taken.recipients == ("frontdesk@clinic.example",)
    assert mail["Subject"] == "[K7R-4M2] Billing question from Ada Example"
    assert mail["From"] == "Clinic <no-reply@clinic.example>"
    assert mail["Reply-To"] == "ada@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_all("Message-ID") == [desk.message().message_id]
    assert mail["Date"].datetime == desk.message().created_at.replace(microsecond=0)
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Hello", ".dot"]


@pytest.mark.parametrize("text", ["word " * 1000, "é" * 5000, "x" * 5000], ids=["en", "é", "x"])
def test_a_paragraph_without_enter_goes_out_in_short_lines(
    desk: Desk, relay: Relay, text: str
) -> None:
    desk.put(replace(MAIL, text=text, html=f"<main>{text}</main>"))
    desk.mailer().deliver_one()
    (taken,) = relay.received
    assert max(map(len, taken.content.splitlines())) <= 78
    assert taken.content.isascii()
    for kind, whole in (("plain", text), ("html", f"<main>{text}</main>")):
        part = taken.message.get_body((kind,))
        assert part is not None
        assert part.get_content().rstrip("\r\n") == whole.rstrip("\r\n")


@pytest.mark.parametrize(
    "name",
    ["Jane Roe, MD", "Smith & Sons: East; West", "Clinic @ Main", "Harbor <North>", 'The "Quay"',
     "Klinik München"],
)  # fmt: skip
def test_any_clinic_name_stands_in_from_and_leaves_the_sender_alone(
    desk: Desk, relay: Relay, name: str
) -> None:
    desk.put(replace(MAIL, sender_name=name))
    desk.mailer().deliver_one()
    (taken,) = relay.received
    assert taken.sender == "no-reply@clinic.example"
    (address,) = taken.message["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "no-reply@clinic.example")


def test_an_encoded_word_in_a_name_stays_what_was_typed(desk: Desk, relay: Relay) -> None:
    typed = "=?utf-8?b?4oCuZXZpbA0KQmNjOiB4QHkuY29t?="
    desk.put(replace(MAIL, subject=f"[K7R-4M2] Billing from {typed}"))
    desk.mailer().deliver_one()
    subject = relay.received[0].message["Subject"]
    assert "Bcc" not in subject
    assert "utf-8?b?" in subject


def test_a_delivered_message_keeps_no_words_and_is_never_sent_again(
    desk: Desk, relay: Relay
) -> None:
    desk.put()
    mailer = desk.mailer()
    assert mailer.deliver_one()
    assert not mailer.deliver_one()
    message = desk.message()
    assert (message.state, message.encrypted_message, message.due_at) == (
        State.DELIVERED,
        None,
        None,
    )
    assert len(relay.received) == 1


def test_an_empty_outbox_asks_nothing_of_the_relay(desk: Desk, relay: Relay) -> None:
    assert not desk.mailer().deliver_one()
    assert relay.connections == 0


@pytest.mark.parametrize(
    "script",
    [{"rcpt": "451 greylisted"}, {"dot": "452 full"}, {"data": DROP}, {"rcpt": "421 bye"}],
    ids=str,
)
def test_a_passing_failure_is_tried_again_later(
    desk: Desk, relay: Relay, script: dict[str, str]
) -> None:
    desk.put()
    relay.script = script
    desk.mailer().deliver_one()
    message = desk.message()
    assert message.state == State.PENDING
    assert message.due_at is not None
    assert timedelta(seconds=20) < message.due_at - desk.now() < timedelta(seconds=40)
    relay.script = {}
    desk.set(due_at=desk.now())
    desk.mailer().deliver_one()
    assert desk.message().state == State.DELIVERED
    assert len(relay.received) == 1


def test_after_five_days_of_passing_failures_the_message_is_dead_but_kept(
    desk: Desk, relay: Relay
) -> None:
    desk.put()
    desk.set(queued_at=desk.now() - timedelta(days=5, seconds=1))
    relay.script = {"rcpt": "451 greylisted"}
    desk.mailer().deliver_one()
    message = desk.message()
    assert message.state == State.DEAD
    assert message.encrypted_message is not None
    assert message.last_error == "SMTPRecipientsRefused: greylisted"


@pytest.mark.parametrize(
    "script",
    [{"rcpt": "550 no such user"}, {"dot": "552 too big"}, {"mail": "552 too big"}],
    ids=str,
)
def test_a_refusal_without_a_fallback_is_dead_at_once(
    desk: Desk, relay: Relay, script: dict[str, str]
) -> None:
    desk.put()
    relay.script = script
    desk.mailer().deliver_one()
    message = desk.message()
    assert message.state == State.DEAD
    assert message.last_code == int(next(iter(script.values()))[:3])


def test_a_refusal_goes_to_the_fallback_mailbox_once_and_says_so(desk: Desk, relay: Relay) -> None:
    desk.put()
    mailer = desk.mailer(fallback="manager@clinic.example")
    relay.script = {"rcpt": "550 no such user"}
    mailer.deliver_one()
    relay.script = {}
    mailer.deliver_one()
    (taken,) = relay.received
    assert taken.recipients == ("manager@clinic.example",)
    for kind in ("plain", "html"):
        body = taken.message.get_body((kind,))
        assert body is not None
        assert "refused by frontdesk@clinic.example" in body.get_content()


def test_a_fallback_that_refuses_too_ends_it(desk: Desk, relay: Relay) -> None:
    desk.put()
    mailer = desk.mailer(fallback="manager@clinic.example")
    relay.script = {"rcpt": "550 no such user"}
    mailer.deliver_one()
    mailer.deliver_one()
    assert desk.message().state == State.DEAD
    assert not mailer.deliver_one()


def test_a_drop_after_the_dot_sends_the_same_mail_again(desk: Desk, relay: Relay) -> None:
    desk.put()
    relay.script = {"dot": ACCEPT_AND_DROP}
    desk.mailer().deliver_one()
    relay.script = {}
    desk.set(due_at=desk.now())
    desk.mailer().deliver_one()
    first, second = (taken.message for taken in relay.received)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


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
def test_a_relay_that_is_down_blames_no_message(
    desk: Desk, relay: Relay, script: dict[str, str]
) -> None:
    desk.put()
    desk.put()
    relay.script = script
    mailer = desk.mailer()
    assert mailer.deliver_one()
    tried = relay.connections
    assert not mailer.deliver_one()  # the breaker is open: nobody knocks
    assert relay.connections == tried
    with desk.database.read_session() as session:
        relay_state = circuit_breaker.transport_state(session)
        waiting = session.scalars(sa.select(OutboxMessage.attempts)).all()
    assert relay_state is not None
    assert relay_state.down_since is not None
    assert list(waiting) == [0, 0]


def test_once_the_relay_is_back_one_probe_opens_the_way(desk: Desk, relay: Relay) -> None:
    desk.put()
    desk.put()
    relay.script = {"greeting": DROP}
    mailer = desk.mailer()
    mailer.deliver_one()
    relay.script = {}
    with desk.database.session() as session:
        session.execute(sa.update(MailTransportState).values(probe_at=desk.database.now(session)))
    assert mailer.deliver_one()
    assert mailer.deliver_one()
    assert len(relay.received) == 2


def test_every_attempt_leaves_a_row(desk: Desk, relay: Relay) -> None:
    desk.put()
    relay.script = {"rcpt": "451 greylisted"}
    desk.mailer().deliver_one()
    relay.script = {}
    desk.set(due_at=desk.now())
    desk.mailer().deliver_one()
    with desk.database.read_session() as session:
        rows = session.scalars(sa.select(DeliveryAttempt).order_by(DeliveryAttempt.id)).all()
    assert [(row.outcome, row.code) for row in rows] == [("failed", 451), ("delivered", 250)]
