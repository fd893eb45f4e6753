"""The mailer: take one message, send it, write down what became of it.

``deliver_one`` is the step that tests call; ``run`` is the loop around it. No
transaction is open while SMTP is spoken: a slow relay must not lock a database.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import Database
from app.encryption import UnknownKeyError
from app.outbox import admin, queue, results, retry_schedule
from app.outbox.circuit_breaker import BreakerState, acquire_permission
from app.outbox.models import Outcome, OutgoingEmail
from app.outbox.results import AttemptResult
from app.outbox.signals import SignalHandler, StopRequested
from app.outbox.smtp_errors import SendError

log = logging.getLogger("frontdesk.mailer")

POLL_INTERVAL = 1.0  # seconds between two looks at an empty queue
RECORD_RETRY_DELAY = 2.0  # seconds between two tries to write down what became of a mail


class Send(Protocol):
    """``app.outbox.smtp.send``, or what a test puts in its place."""

    def __call__(
        self,
        mail: OutgoingEmail,
        *,
        message_id: str,
        date: datetime,
        on_data_sent: Callable[[], None],
    ) -> int: ...


class Mailer:
    """One mailer process. ``owner`` names it in leases; ``fallback`` is the mailbox that
    gets what another one refused.
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
        self._on_hold = False
        self._busy = False

    def deliver_one(self) -> bool:
        """Send the message that is due longest; False when none is, or none may go out."""
        claim = self._claim()
        self._busy = claim is not None
        if claim is None:
            return False
        report = self._attempt(claim)
        self._settle(claim, report)
        return True

    def run(self, *, once: bool = False) -> None:
        """Deliver until asked to stop or, with ``once``, until nothing is due."""
        while not self.signal_handler.stopping:
            found = self._step()
            if not found and once:
                return
            if not found:
                time.sleep(POLL_INTERVAL)

    def _step(self) -> bool:
        try:
            return self.deliver_one()
        except SQLAlchemyError as error:
            # Nothing is lost: what was claimed becomes due again when its lease ends.
            log.error("the database does not answer: %s", type(error).__name__)
            return False

    def _claim(self) -> queue.Claim | None:
        # After one mail the next is likely: then a look before would only cost time.
        if not self._busy and not self._anything_due():
            return None
        with self.database.session() as session:
            now = self.database.now(session)
            if admin.is_paused(session):
                return None
            breaker = acquire_permission(session, now)
            if breaker is BreakerState.OPEN:
                return None
            probe = breaker is BreakerState.HALF_OPEN
            return queue.claim(session, self.owner, now, probe=probe)

    def _anything_due(self) -> bool:
        """Look without a write lock: an idle mailer must not hold up those who write."""
        with self.database.read_session() as session:
            if self._held(session):
                return False
            return queue.has_due(session, self.database.now(session))

    def _held(self, session: Session) -> bool:
        """Whether the outbox is on hold; tells the log when that changes."""
        on = admin.current_pause(session)
        if on and not self._on_hold:
            log.warning("on hold (%s): nothing is sent until `flask outbox resume`", on.reason)
        if self._on_hold and not on:
            log.info("released: mail goes out again")
        self._on_hold = on is not None
        return self._on_hold

    def _attempt(self, claim: queue.Claim) -> AttemptResult:
        """Send ``claim`` without touching the database."""
        try:
            mail = OutgoingEmail.from_json(self.database.keys.decrypt(claim.encrypted_message))
        except UnknownKeyError as error:
            return AttemptResult(Outcome.MISSING_KEY, transport_reply=str(error))
        try:
            with self.signal_handler.attempt():
                code = self._send(
                    mail,
                    message_id=claim.message_id,
                    date=claim.created_at,
                    on_data_sent=self.signal_handler.mark_data_sent,
                )
        except StopRequested:
            return AttemptResult(Outcome.RELEASED, transport_reply="the mailer was stopped")
        except SendError as error:
            redirect = self._redirect(mail, claim) if error.outcome == Outcome.REFUSED else None
            return AttemptResult(error.outcome, error.code, str(error), redirect)
        except Exception as error:  # noqa: BLE001  (one bad mail must not stop the others)
            # Only the type: the words of such an error may hold what a visitor wrote.
            return AttemptResult(
                Outcome.FAILED, transport_reply=f"{type(error).__name__} while sending"
            )
        return AttemptResult(Outcome.DELIVERED, code)

    def _redirect(self, mail: OutgoingEmail, claim: queue.Claim) -> OutgoingEmail | None:
        if not self._fallback or claim.used_fallback or self._fallback == mail.recipient:
            return None
        if mail.is_acknowledgement:  # sent to the visitor: the fallback mailbox cannot help
            return None
        return mail.redirected(self._fallback)

    def _settle(self, claim: queue.Claim, report: AttemptResult) -> None:
        """Write the report down; while the database cannot, try again and claim nothing more."""
        give_up = time.monotonic() + retry_schedule.LEASE.total_seconds()
        while time.monotonic() < give_up:
            try:
                with self.database.session() as session:
                    now = self.database.now(session)
                    kept = results.record_result(session, self.database.keys, claim, report, now)
            except SQLAlchemyError as error:
                log.error("cannot write down an attempt: %s", type(error).__name__)
                time.sleep(RECORD_RETRY_DELAY)
                continue
            _tell(claim, report, kept=kept)
            return


def _tell(claim: queue.Claim, report: AttemptResult, *, kept: bool) -> None:
    calm = report.outcome == Outcome.DELIVERED or claim.is_acknowledgement
    level = logging.INFO if calm else logging.WARNING
    log.log(
        level,
        "%s: %s%s",
        claim.reference,
        report.outcome,
        "" if kept else " (too late: the lease was lost)",
        extra={
            "reference": claim.reference,
            "request_id": claim.request_id,
            "outcome": report.outcome,
            "code": report.code,
        },
    )
