"""The mailer: claims one message after another, sends it, and records the result.

``deliver_one`` is the step that tests call; ``run`` is the loop around it. No transaction is
open during SMTP: a slow mail server must not lock the database.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import Database
from app.database.engines import NotDurableError
from app.encryption import UnknownKeyError
from app.outbox import admin, queue, results, retry_schedule
from app.outbox.circuit_breaker import BreakerState, acquire_permission
from app.outbox.models import Outcome, OutgoingEmail
from app.outbox.results import AttemptResult
from app.outbox.signals import SignalHandler, StopRequested
from app.outbox.smtp_errors import SendError

log = logging.getLogger("frontdesk.mailer")

POLL_INTERVAL = 1.0  # seconds between two checks of an empty queue
RECORD_RETRY_DELAY = 2.0  # seconds between two tries to record a result


class Send(Protocol):
    """``app.outbox.smtp.send``, or a test's replacement."""

    def __call__(
        self,
        email: OutgoingEmail,
        /,
        *,
        message_id: str,
        date: datetime,
        on_data_sent: Callable[[], None],
    ) -> int: ...


class Mailer:
    """One mailer process. ``owner`` identifies it in leases. ``fallback`` is the mailbox for
    messages that another one has refused.
    """

    def __init__(
        self,
        database: Database,
        send: Send,
        *,
        owner: str,
        fallback: str | None = None,
        signal_handler: SignalHandler | None = None,
    ) -> None:
        self.database = database
        self.owner = owner
        self.signal_handler = signal_handler or SignalHandler()
        self._send = send
        self._fallback = fallback
        self._paused = False

    def run(self, *, once: bool = False) -> None:
        """Deliver until asked to stop or, with ``once``, until no message is due."""
        while not self.signal_handler.stopping:
            try:
                found = self.deliver_one()
            except (SQLAlchemyError, NotDurableError) as error:
                # Nothing is lost: a claimed message becomes due again when its lease ends.
                log.error("the database does not answer: %s", type(error).__name__)
                found = False
            if not found and once:
                return
            if not found:
                time.sleep(POLL_INTERVAL)

    def deliver_one(self) -> bool:
        """Send the message that has been due longest. False when none may be sent now."""
        claim = self._claim()
        if claim is None:
            return False
        self._settle(claim, self._attempt(claim))
        return True

    def _claim(self) -> queue.Claim | None:
        # First without a write lock: an idle mailer must not delay other writers.
        with self.database.read_session() as session:
            if self._is_paused(session) or not queue.has_due(session, self.database.now(session)):
                return None
        with self.database.session() as session:
            now = self.database.now(session)
            if admin.current_pause(session):
                return None
            breaker = acquire_permission(session, now)
            if breaker is BreakerState.OPEN:
                return None
            probe = breaker is BreakerState.HALF_OPEN
            return queue.claim(session, self.owner, now, probe=probe)

    def _is_paused(self, session: Session) -> bool:
        """Whether the outbox is paused. Logs every change."""
        pause = admin.current_pause(session)
        if pause and not self._paused:
            log.warning("paused (%s): nothing is sent until `flask outbox resume`", pause.reason)
        if self._paused and not pause:
            log.info("resumed")
        self._paused = pause is not None
        return self._paused

    def _attempt(self, claim: queue.Claim) -> AttemptResult:
        """Send ``claim`` without using the database."""
        try:
            email = OutgoingEmail.from_json(self.database.keys.decrypt(claim.encrypted_message))
        except UnknownKeyError as error:
            return AttemptResult(Outcome.MISSING_KEY, transport_reply=str(error))
        except (TypeError, ValueError):  # written by a newer version
            return AttemptResult(Outcome.FAILED, transport_reply="the stored email is unreadable")
        try:
            with self.signal_handler.attempt():
                code = self._send(
                    email,
                    message_id=claim.message_id,
                    date=claim.created_at,
                    on_data_sent=self.signal_handler.mark_data_sent,
                )
        except StopRequested:
            return AttemptResult(Outcome.RELEASED, transport_reply="the mailer was stopped")
        except SendError as error:
            redirect = self._redirect(email, claim) if error.outcome == Outcome.REFUSED else None
            return AttemptResult(error.outcome, error.code, str(error), redirect)
        except Exception as error:  # noqa: BLE001  (one message must not stop the others)
            # Only the type: the error's text may contain what a visitor wrote.
            reply = f"{type(error).__name__} while sending"
            return AttemptResult(Outcome.FAILED, transport_reply=reply)
        return AttemptResult(Outcome.DELIVERED, code)

    def _redirect(self, email: OutgoingEmail, claim: queue.Claim) -> OutgoingEmail | None:
        if not self._fallback or claim.used_fallback or self._fallback == email.recipient:
            return None
        if email.is_acknowledgement:  # it is for the visitor, not for the clinic
            return None
        return email.redirected(self._fallback)

    def _settle(self, claim: queue.Claim, result: AttemptResult) -> None:
        """Record ``result``, retrying until the lease ends; nothing else is claimed before."""
        lease_end = time.monotonic() + retry_schedule.LEASE.total_seconds()
        while time.monotonic() < lease_end:
            try:
                with self.database.session() as session:
                    now = self.database.now(session)
                    recorded = results.record_result(
                        session, self.database.keys, claim, result, now
                    )
            except (SQLAlchemyError, NotDurableError) as error:
                log.error("cannot record the result of an attempt: %s", type(error).__name__)
                time.sleep(RECORD_RETRY_DELAY)
                continue
            _log_result(claim, result, recorded=recorded)
            return


def _log_result(claim: queue.Claim, result: AttemptResult, *, recorded: bool) -> None:
    expected = result.outcome == Outcome.DELIVERED or claim.is_acknowledgement
    log.log(
        logging.INFO if expected else logging.WARNING,
        "%s: %s%s",
        claim.reference,
        result.outcome,
        "" if recorded else " (ignored: the lease was lost)",
        extra={
            "reference": claim.reference,
            "request_id": claim.request_id,
            "outcome": result.outcome,
            "code": result.code,
        },
    )
