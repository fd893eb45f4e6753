"""Webhooks and notifications: signed, repeated until accepted, never in the way of email."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from standardwebhooks.webhooks import Webhook

from app import http_calls
from app.apprise_client import AppriseClient
from app.outbox import circuit_breaker, queue
from app.outbox.models import Kind, OutboxMessage, OutgoingCall
from app.outbox.receivers import AppriseReceiver, ReceiverWorker, Send, WebhookReceiver
from tests.outbox.conftest import OutboxHarness
from tests.support.smtp_relay import Relay, relay
from tests.support.webhook_receiver import HANG, WEBHOOK_SECRET, Receiver, receiver

__all__ = ["receiver", "relay"]

BODY = '{"type": "inquiry.received", "data": {"reference": "K7R-4M2"}}'


class Receivers:
    """An outbox with a webhook and a notification for one receiver."""

    def __init__(self, harness: OutboxHarness, receiver: Receiver) -> None:
        self.harness, self.database, self.receiver = harness, harness.database, receiver
        self.webhook: Send = WebhookReceiver(receiver.url, WEBHOOK_SECRET)

    def enqueue(self, kind: Kind = Kind.WEBHOOK, target: str = "crm") -> None:
        call = OutgoingCall(kind, target, "K7R-4M2", BODY, "New inquiry")
        with self.database.session() as session:
            now = self.database.now(session)
            keys = self.database.keys
            row = queue.build_row(keys, call, domain="clinic.example", now=now)
            queue.insert(session.connection(), [row])

    def worker(self) -> ReceiverWorker:
        targets = {"crm": self.webhook}
        return ReceiverWorker(self.database, Kind.WEBHOOK, targets, owner="one")

    def make_due(self) -> None:
        self.harness.update(due_at=self.harness.now())


@pytest.fixture
def receivers(
    make_app: Callable[..., Flask], relay: Relay, receiver: Receiver
) -> Iterator[Receivers]:
    app = make_app(
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(relay.port),
        MAIL_USE_TLS="false",
        MAIL_DEFAULT_SENDER="no-reply@clinic.example",
    )
    with app.app_context():
        yield Receivers(OutboxHarness(app), receiver)


def test_the_reference_library_verifies_each_attempt(receivers: Receivers) -> None:
    receivers.enqueue()
    receivers.receiver.status = 500
    worker = receivers.worker()
    assert worker.deliver_one()
    assert receivers.harness.message().last_error == "status 500"
    receivers.make_due()
    receivers.receiver.status = 204
    assert worker.deliver_one()
    assert receivers.harness.message().state == "delivered"
    first, second = receivers.receiver.calls
    for call in (first, second):
        event = Webhook(WEBHOOK_SECRET).verify(call.content, call.headers)
        assert event["type"] == "inquiry.received"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    with pytest.raises(Exception, match="No matching signature"):
        Webhook("whsec_" + "A" * 32).verify(first.content, first.headers)


@pytest.mark.parametrize(
    ("status", "reply"),
    [(302, "status 302"), (404, "status 404"), (500, "status 500"), (HANG, "timed out")],
)
def test_a_receiver_that_fails_is_asked_again_later(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch, status: int, reply: str
) -> None:
    monkeypatch.setattr(http_calls, "DEADLINE", 0.3)
    receivers.receiver.status = status
    receivers.enqueue()
    assert receivers.worker().deliver_one()
    message = receivers.harness.message()
    assert (message.state, message.last_error) == ("pending", reply)
    assert [call.path for call in receivers.receiver.calls] == ["/hook/secret-path"], "no redirect"
    assert "secret-path" not in str(vars(message))


def test_a_receiver_that_is_gone_gets_nothing_more(receivers: Receivers) -> None:
    receivers.receiver.status = 410
    receivers.enqueue()
    receivers.enqueue()
    worker = receivers.worker()
    while worker.deliver_one():
        pass
    assert len(receivers.receiver.calls) == 1
    with receivers.database.read_session() as session:
        assert set(session.scalars(sa.select(OutboxMessage.state))) == {"dead"}


def test_a_receiver_that_clinic_toml_lacks_is_reported(receivers: Receivers) -> None:
    receivers.enqueue(target="removed")
    receivers.worker().deliver_one()
    message = receivers.harness.message()
    assert (message.state, message.last_error) == ("dead", "clinic.toml has no webhook removed")
    output = receivers.harness.app.test_cli_runner().invoke(args=["outbox", "list"]).output
    assert "(webhook: removed)" in output


def test_email_and_webhooks_do_not_wait_for_one_another(receivers: Receivers, relay: Relay) -> None:
    receivers.harness.enqueue()
    receivers.enqueue()
    relay.script = {"greeting": "421 later"}
    assert receivers.harness.mailer().deliver_one()
    assert not receivers.harness.mailer().deliver_one(), "the mail server is unavailable"
    receivers.receiver.status = 500
    assert receivers.worker().deliver_one()
    with receivers.database.read_session() as session:
        transport = circuit_breaker.transport_state(session)
        assert transport
        assert transport.failure_count == 1, "the webhook does not count"


def test_a_notification_reaches_an_address_of_apprise(receivers: Receivers) -> None:
    url = receivers.receiver.url.replace("http", "json")
    targets: dict[str, Send] = {"phones": AppriseReceiver(AppriseClient("https://c.example"), url)}
    worker = ReceiverWorker(receivers.database, Kind.NOTIFY, targets, owner="one")
    receivers.enqueue(Kind.NOTIFY, "phones")
    receivers.receiver.status = 503
    assert worker.deliver_one()
    assert receivers.harness.message().last_error == "status 503"
    receivers.make_due()
    receivers.receiver.status = 200
    assert worker.deliver_one()
    assert receivers.harness.message().state == "delivered"
    body = receivers.receiver.bodies[-1]
    assert (body["title"], body["message"]) == ("New inquiry", BODY)


def test_a_web_process_loads_none_of_this() -> None:
    code = "import app, sys; print({'apprise', 'standardwebhooks'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"
