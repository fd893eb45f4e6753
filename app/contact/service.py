"""Accept an inquiry: score it for spam, then write it and its emails in ONE transaction.

When ``InquiryService.submit`` returns, the commit is on disk. A repeated submission (a double
click, the back button, a client's retry) gets the reference of the first one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from app.contact.emails import NotificationDetail, acknowledgement_email, notification_emails
from app.contact.idempotency import SpamDigests, Submission, SubmissionKeys
from app.contact.models import Inquiry, InquiryData, InquiryState, new_reference
from app.contact.queries import acquire_acknowledgement
from app.contact.spam.recent_submissions import RecentActivity, recent_activity
from app.contact.spam.scoring import SpamSignals, score_spam
from app.database import Database
from app.outbox.models import OutgoingEmail
from app.outbox.queue import OutboxRow, build_row, insert
from app.web.logging import current_request_id

MAX_ATTEMPTS = 3
# Built once: building a statement takes longer than running it.
INSERT = sa.insert(Inquiry)
BY_SUBMISSION_KEY = sa.select(
    Inquiry.id, Inquiry.reference, Inquiry.created_at, Inquiry.content_digest
).where(Inquiry.submission_key == sa.bindparam("key"))

log = logging.getLogger("frontdesk.contact")


class KeyReusedError(Exception):
    """An Idempotency-Key was used again for a different inquiry."""


@dataclass(frozen=True)
class Receipt:
    """The result of a submission. ``is_duplicate``: the inquiry had been stored before."""

    reference: str
    received_at: datetime
    is_duplicate: bool = False


@dataclass(frozen=True)
class InquiryService:
    """Accepts inquiries to one clinic. ``site`` is the site's own URL (``https://host``)."""

    database: Database
    clinic: Clinic
    site: str
    submission_keys: SubmissionKeys
    notification_detail: NotificationDetail = NotificationDetail.FULL
    send_acknowledgement: bool = False
    spam_filter_enabled: bool = True

    def submit(  # noqa: PLR0913  (a form has all of these signals)
        self,
        inquiry: InquiryData,
        *,
        idempotency_key: str | None = None,
        remote_address: str | None = None,
        honeypot: str = "",
        from_browser: bool = True,
        elapsed: int | None = None,
    ) -> Receipt:
        """Store ``inquiry`` and queue its emails, or quarantine it as likely spam.

        ``honeypot``, ``from_browser`` and ``elapsed`` are described in ``SpamSignals``.
        Raises KeyReusedError, or SQLAlchemyError when nothing could be stored.
        """
        submission = self.submission_keys.identify(inquiry, idempotency_key)
        # Staff learn of quarantined inquiries from the digest: without one, nothing is quarantined.
        if not self.spam_filter_enabled or self.clinic.digest is None:
            return self._store(inquiry, submission)
        digests = self.submission_keys.spam_digests(inquiry.message, remote_address)
        activity = recent_activity(self.database, submission, digests)
        signals = SpamSignals(
            name=inquiry.name,
            email=inquiry.email,
            best_time=inquiry.best_time,
            message=inquiry.message,
            honeypot=honeypot,
            from_browser=from_browser,
            elapsed=elapsed,
            same_message=activity.same_message,
            same_network=activity.same_network,
        )
        reasons = self._quarantine_reasons(signals, inquiry)
        return self._store(inquiry, submission, digests, activity, reasons)

    def notify_staff(
        self, session: Session, inquiry: Inquiry, content: InquiryData, now: datetime
    ) -> None:
        """Queue the notifications of a stored inquiry: one email per mailbox of its topic."""
        receipt = Receipt(inquiry.reference, inquiry.created_at)
        insert(session.connection(), self._notifications(content, receipt, now, inquiry.request_id))

    def _quarantine_reasons(self, signals: SpamSignals, inquiry: InquiryData) -> tuple[str, ...]:
        score = score_spam(signals, self.clinic.spam_filter)
        # A false alarm costs staff one email; a person in danger must not wait for the digest.
        if not score.is_spam or mentions_crisis(inquiry.free_text, self.clinic.crisis_phrases):
            return ()
        return score.reasons

    def _store(
        self,
        inquiry: InquiryData,
        submission: Submission,
        digests: SpamDigests = SpamDigests(),  # noqa: B008  (immutable)
        activity: RecentActivity = RecentActivity(),  # noqa: B008  (immutable)
        quarantine_reasons: Sequence[str] = (),
    ) -> Receipt:
        attempt = 1
        while True:
            try:
                receipt = self._store_once(
                    inquiry, submission, digests, activity, quarantine_reasons
                )
                break
            except DBAPIError as error:
                # IntegrityError: another request stored this key or reference first. Lost
                # connection: the commit may have succeeded. The next attempt finds the key,
                # or draws another reference.
                retryable = isinstance(error, IntegrityError) or error.connection_invalidated
                if attempt == MAX_ATTEMPTS or not retryable:
                    raise
            attempt += 1
            activity = replace(activity, key_exists=True)
        if receipt.is_duplicate:
            event = "duplicate inquiry"
        else:
            event = "inquiry quarantined" if quarantine_reasons else "inquiry received"
        log.info(event, extra={"reference": receipt.reference})
        return receipt

    def _store_once(
        self,
        inquiry: InquiryData,
        submission: Submission,
        digests: SpamDigests,
        activity: RecentActivity,
        quarantine_reasons: Sequence[str],
    ) -> Receipt:
        now = activity.checked_at or self._now()
        receipt, request_id = Receipt(new_reference(), now), current_request_id() or None
        row = {
            "id": uuid4(),
            "reference": receipt.reference,
            "submission_key": submission.key,
            "content_digest": submission.content_digest,
            "encrypted_content": self.database.keys.encrypt(inquiry.to_json()),
            "state": InquiryState.QUARANTINED if quarantine_reasons else InquiryState.RECEIVED,
            "quarantine_reasons": ", ".join(quarantine_reasons)[:200] or None,
            "topic": inquiry.topic,
            "created_at": now,
            "request_id": request_id,
            "message_digest": digests.message,
            "network_digest": digests.network,
        }
        notifications, acknowledgement = [], []
        if not quarantine_reasons:
            notifications = self._notifications(inquiry, receipt, now, request_id)
            acknowledgement = self._acknowledgement(inquiry, receipt, request_id)
        # Encryption and template rendering are done by now: the write lock is held briefly.
        with self.database.session() as session:
            connection = session.connection()
            if activity.key_exists and (first := _find_duplicate(connection, submission, now)):
                return first
            connection.execute(INSERT, row)
            insert(connection, notifications)
            if acknowledgement and acquire_acknowledgement(
                connection, submission.address_digest, now
            ):
                insert(connection, acknowledgement)
        return receipt

    def _now(self) -> datetime:
        with self.database.read_session() as session:
            return self.database.now(session)

    def _notifications(
        self, inquiry: InquiryData, receipt: Receipt, now: datetime, request_id: str | None
    ) -> list[OutboxRow]:
        emails = notification_emails(
            inquiry, receipt.reference, receipt.received_at, self.clinic, self.notification_detail
        )
        return [self._outbox_row(email, now, request_id) for email in emails]

    def _acknowledgement(
        self, inquiry: InquiryData, receipt: Receipt, request_id: str | None
    ) -> list[OutboxRow]:
        """The email to the visitor, if there is one. Quarantined inquiries are never
        acknowledged: their sender may have typed someone else's address.
        """
        if not self.send_acknowledgement:
            return []
        email = acknowledgement_email(inquiry.email, receipt.reference, self.clinic)
        return [self._outbox_row(email, receipt.received_at, request_id)] if email else []

    def _outbox_row(self, email: OutgoingEmail, now: datetime, request_id: str | None) -> OutboxRow:
        domain = self.clinic.email_domain
        return build_row(self.database.keys, email, domain=domain, now=now, request_id=request_id)


def _find_duplicate(
    connection: sa.Connection, submission: Submission, now: datetime
) -> Receipt | None:
    """The receipt of the inquiry that was stored under this key, while the key is valid."""
    first = connection.execute(BY_SUBMISSION_KEY, {"key": submission.key}).one_or_none()
    if first is None:
        return None
    if first.created_at < now - submission.valid_for:
        expired = sa.update(Inquiry).where(Inquiry.id == first.id).values(submission_key=None)
        connection.execute(expired)
        return None
    if not compare_digest(first.content_digest, submission.content_digest):
        raise KeyReusedError
    return Receipt(first.reference, first.created_at, is_duplicate=True)
