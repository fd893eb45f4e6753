"""The mailer: claims one message after another, sends it, and records the result.

``deliver_one`` is the step that tests call; ``run`` is the loop around it. No transaction is
open during SMTP: a slow mail server must not lock the database.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import Database
from app.database.key_check_values import require_newest_key
from app.encryption import UnknownKeyError
from app.outbox import admin, circuit_breaker, queue, results, retry_schedule, signals
from app.outbox.models import EMAILS, Kind, OutboxMessage, Outcome, OutgoingEmail
from app.outbox.results import AttemptResult
from app.outbox.send_errors import MessageRefused, RecipientRefused, SendError
from app.outbox.signals import SignalHandler, StopRequested
from app.outbox.transports import Transport

log = logging.getLogger("frontdesk.mailer")

POLL_INTERVAL = 1.0  # seconds between two checks of an empty queue
RECORD_RETRY_DELAY = 2.0  # seconds between two tries to record a result


class Worker(ABC):
    """Delivers the messages of some kinds, one at a time. ``owner`` identifies it in leases."""

    kinds: Sequence[Kind]

    def __init__(
        self, database: Database, *, owner: str, signal_handler: SignalHandler | None = None
    ) -> None:
        self.database = database
        self.owner = owner
        self.signal_handler = signal_handler or SignalHandler()
        self._paused = False

    def run(self, *, once: bool = False) -> None:
        """Deliver until asked to stop or, with ``once``, until no message is due.

        Raises MissingKeyError when the newest key was rotated out: a restart loads the new one.
        """
        while not self.signal_handler.stopping:
            try:
                delivered = self.deliver_one()
            except SQLAlchemyError as error:
                # Nothing is lost: a claimed message becomes due again when its lease ends.
                log.error("the database does not answer: %s", type(error).__name__)
                delivered = False
            if not delivered and once:
                return
            if not delivered:
                time.sleep(POLL_INTERVAL)

    def deliver_one(self) -> bool:
        """Send the message that has been due longest. False when none may be sent now."""
        message = self._claim()
        if message is None:
            return False
        self._record_result(message, self._attempt(message))
        return True

    def _claim(self) -> OutboxMessage | None:
        # First without a write lock: an idle mailer must not delay other writers.
        with self.database.read_session() as session:
            now = self.database.now(session)
            if self._is_paused(session) or not queue.has_due(session, now, self.kinds):
                return None
        with self.database.session() as session:
            now = self.database.now(session)
            if admin.current_pause(session) or not self._may_send(session, now):
                return None
            require_newest_key(session, self.database.keys, now)
            return queue.claim(session, self.owner, now, self.kinds)

    @abstractmethod
    def _may_send(self, session: Session, now: datetime) -> bool:
        """Whether a message may be sent now."""

    @abstractmethod
    def _send(self, message: OutboxMessage, content: str) -> AttemptResult:
        """Send ``message``, whose decrypted content is ``content``."""

    def _is_paused(self, session: Session) -> bool:
        """Whether the outbox is paused. Logs every change."""
        pause = admin.current_pause(session)
        if pause and not self._paused:
            log.warning("paused (%s): nothing is sent until `flask outbox resume`", pause.reason)
        if self._paused and not pause:
            log.info("resumed")
        self._paused = pause is not None
        return self._paused

    def _attempt(self, message: OutboxMessage) -> AttemptResult:
        """Send ``message`` without using the database."""
        try:
            return self._send(message, self.database.keys.decrypt(message.encrypted_message or b""))
        except UnknownKeyError as error:
            return AttemptResult(Outcome.MISSING_KEY, transport_reply=str(error))
        except Exception as error:  # noqa: BLE001  (one message must not stop the others)
            # Only the type: the error's text may contain what a visitor wrote.
            reply = f"{type(error).__name__} while sending"
            return AttemptResult(Outcome.FAILED, transport_reply=reply)

    def _record_result(self, message: OutboxMessage, result: AttemptResult) -> None:
        """Record ``result``, retrying until the lease ends; nothing else is claimed before."""
        lease_end = time.monotonic() + retry_schedule.LEASE.total_seconds()
        while time.monotonic() < lease_end:
            try:
                with self.database.session() as session:
                    now = self.database.now(session)
                    if result.redirected:
                        require_newest_key(session, self.database.keys, now)
                    recorded = results.record_result(session, message, result, now)
            except SQLAlchemyError as error:
                log.error("cannot record the result of an attempt: %s", type(error).__name__)
                time.sleep(RECORD_RETRY_DELAY)
                continue
            _log_result(message, result, recorded=recorded)
            return


class Mailer(Worker):
    """Sends email by ``transport``. ``fallback`` is the mailbox for messages that another one
    has refused.
    """

    kinds = EMAILS

    def __init__(
        self,
        database: Database,
        transport: Transport,
        *,
        owner: str,
        fallback: str | None = None,
        signal_handler: SignalHandler | None = None,
    ) -> None:
        super().__init__(database, owner=owner, signal_handler=signal_handler)
        self._transport = transport
        self._fallback = fallback

    def _may_send(self, session: Session, now: datetime) -> bool:
        return circuit_breaker.may_send(session, now)

    def _send(self, message: OutboxMessage, content: str) -> AttemptResult:
        try:
            email = OutgoingEmail.from_json(content)
        except (TypeError, ValueError):  # written by a newer version
            return AttemptResult(Outcome.FAILED, transport_reply="the stored email is unreadable")
        try:
            with self.signal_handler.time_limit(signals.DEADLINE):
                code = self._transport.send(
                    email,
                    message_id=message.message_id,
                    date=message.created_at,
                    on_data_sent=self.signal_handler.mark_data_sent,
                )
        except StopRequested:
            return AttemptResult(Outcome.INTERRUPTED, transport_reply="the mailer was stopped")
        except SendError as error:
            refused = isinstance(error, RecipientRefused | MessageRefused)
            redirected = self._redirect(email, message) if refused else None
            return AttemptResult(
                error.outcome, error.code, str(error), error.fault, error.retry_after, redirected
            )
        return AttemptResult(Outcome.DELIVERED, code)

    def _redirect(self, email: OutgoingEmail, message: OutboxMessage) -> bytes | None:
        """The encrypted email for the fallback mailbox; None if it must not or cannot go there."""
        if not self._fallback or message.used_fallback or self._fallback == email.recipient:
            return None
        if email.is_acknowledgement:  # it is for the visitor, not for the clinic
            return None
        return self.database.keys.encrypt(email.redirected(self._fallback).to_json())


def _log_result(message: OutboxMessage, result: AttemptResult, *, recorded: bool) -> None:
    expected = result.outcome == Outcome.DELIVERED or message.is_acknowledgement
    log.log(
        logging.INFO if expected else logging.WARNING,
        "%s: %s%s",
        message.reference,
        result.outcome,
        "" if recorded else " (ignored: the lease was lost)",
        extra={
            "reference": message.reference,
            "request_id": message.request_id,
            "outcome": result.outcome,
            "code": result.code,
        },
    )
