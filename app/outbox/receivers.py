"""Sends what is not email: notifications through Apprise, and signed webhooks.

Each kind has a thread of the mailer, so that a receiver that hangs delays no email, and a mail
server that hangs delays neither. A receiver is looked up in today's clinic.toml when a message is
sent. Its address is a secret: only statuses and the types of errors are stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from app import clock
from app.apprise_client import AppriseClient
from app.database import Database
from app.http_calls import call as http_call
from app.outbox.models import Kind, OutboxMessage, Outcome, OutgoingCall
from app.outbox.results import AttemptResult
from app.outbox.signals import SignalHandler
from app.outbox.worker import Worker

GONE = 410

Send = Callable[[OutboxMessage, OutgoingCall], AttemptResult]


class ReceiverWorker(Worker):
    """Sends the messages of one kind, each with the function for its receiver."""

    def __init__(
        self,
        database: Database,
        kind: Kind,
        receivers: Mapping[str, Send],
        *,
        owner: str,
        signal_handler: SignalHandler | None = None,
    ) -> None:
        super().__init__(database, owner=owner, signal_handler=signal_handler)
        self.kinds = (kind,)
        self._receivers = receivers
        self._gone: set[str] = set()

    def _may_send(self, _session: Session, _now: datetime) -> bool:
        return True

    def _send(self, message: OutboxMessage, content: str) -> AttemptResult:
        call = OutgoingCall.from_json(content)
        if call.target not in self._receivers:
            reply = f"clinic.toml has no {call.kind} {call.target}"
            return AttemptResult(Outcome.RECIPIENT_REFUSED, transport_reply=reply)
        if call.target in self._gone:
            # By the specification nothing more is sent to it. Enabled again by a restart.
            return AttemptResult(Outcome.RECIPIENT_REFUSED, GONE, "the receiver is gone")
        result = self._receivers[call.target](message, call)
        if result.code == GONE:
            self._gone.add(call.target)
        return result


@dataclass(frozen=True)
class WebhookReceiver:
    """A program at ``url`` that knows ``secret`` (Standard Webhooks)."""

    url: str
    secret: str

    def __call__(self, message: OutboxMessage, call: OutgoingCall) -> AttemptResult:
        """POST the body with its id, which is the same for each attempt, and a signature."""
        message_id, now = f"msg_{message.id.hex}", clock.now()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message_id, now, call.body),
        }
        result = http_call(f"webhook {call.target}", self.url, call.body, headers)
        if not result.problem:
            return AttemptResult(Outcome.DELIVERED, result.status)
        outcome = Outcome.RECIPIENT_REFUSED if result.status == GONE else Outcome.FAILED
        return AttemptResult(outcome, result.status, result.problem)


@dataclass(frozen=True)
class AppriseReceiver:
    """People at an address of Apprise."""

    client: AppriseClient
    url: str

    def __call__(self, _message: OutboxMessage, call: OutgoingCall) -> AttemptResult:
        """Send the text."""
        (problem,) = self.client.send((self.url,), call.title, call.body)
        outcome = Outcome.FAILED if problem else Outcome.DELIVERED
        return AttemptResult(outcome, transport_reply=problem or None)
