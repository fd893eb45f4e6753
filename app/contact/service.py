"""Accept an inquiry: score it for spam, then write it and its emails in ONE transaction.

When ``InquiryService.submit`` returns, the commit is on disk. A repeated submission (a double
click, the back button, a client's retry) gets the reference of the first one.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.contact.announcements import Announcer
from app.contact.crisis_detection import mentions_crisis
from app.contact.emails import NotificationDetail, acknowledgement_email, notification_emails
from app.contact.idempotency import Submission, SubmissionKeys
from app.contact.models import Inquiry, InquiryData, InquiryState, new_reference
from app.contact.quarantine import QuarantineError
from app.contact.queries import acquire_acknowledgement
from app.contact.spam.recent_submissions import count_similar
from app.contact.spam.scoring import SpamSignals, score_spam
from app.contact.staff_links import StaffLinks
from app.database import Database
from app.database.key_check_values import require_newest_key
from app.outbox.models import OutgoingEmail
from app.outbox.queue import OutboxRow, build_row, insert
from app.web.forwarded import IPAddress
from app.web.logging import current_request_id

MAX_ATTEMPTS = 3

# Statements that each post runs are built once, and bypass the ORM's unit of work: building
# them took longer than running them.
COLUMNS = Inquiry.__table__.c
INSERT_INQUIRY = sa.insert(Inquiry)
BY_SUBMISSION_KEY = sa.select(
    COLUMNS.id, COLUMNS.reference, COLUMNS.created_at, COLUMNS.content_digest
).where(COLUMNS.submission_key == sa.bindparam("key"))

log = logging.getLogger("frontdesk.contact")


class KeyReusedError(Exception):
    """An Idempotency-Key was used again for a different inquiry."""


@dataclass(frozen=True)
class Receipt:
    """The result of a submission."""

    reference: str
    received_at: datetime


@dataclass(frozen=True)
class InquiryService:
    """Accepts inquiries to one clinic. ``site_url`` is like ``https://host``; ``current_notices``
    returns what acknowledgements mention; ``add_to_index`` makes an inquiry searchable, in the
    transaction that stores it.
    """

    database: Database
    clinic: Clinic
    site_url: str
    submission_keys: SubmissionKeys
    staff_links: StaffLinks
    current_notices: Callable[[], Sequence[str]]
    notification_detail: NotificationDetail
    send_acknowledgement: bool
    spam_filter_enabled: bool
    add_to_index: Callable[[sa.Connection, UUID, InquiryData], object] | None = None

    def submit(
        self,
        content: InquiryData,
        signals: SpamSignals,
        visitor: IPAddress | None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Store an inquiry and queue its emails, or quarantine it as likely spam.

        Raises KeyReusedError, or SQLAlchemyError or MissingKeyError when nothing was stored.
        """
        submission = self.submission_keys.identify(content, idempotency_key, visitor)
        if not self._quarantines_spam:
            submission = replace(submission, message_digest=None, network_digest=None)
        attempt = 1
        while True:
            try:
                return self._store(content, signals, submission)
            except DBAPIError as error:
                # IntegrityError: another request stored this key or reference first. Lost
                # connection: the commit may have succeeded. The next attempt finds the key,
                # or draws another reference.
                retryable = isinstance(error, IntegrityError) or error.connection_invalidated
                if attempt == MAX_ATTEMPTS or not retryable:
                    raise
            attempt += 1

    @property
    def announcer(self) -> Announcer:
        """Tells the receivers in clinic.toml about inquiries."""
        return Announcer(self.database.keys, self.clinic, self.staff_links)

    def build_notifications(
        self, inquiry: Inquiry, content: InquiryData, spam_note: str = ""
    ) -> list[OutgoingEmail]:
        """The emails about an inquiry: one to each mailbox that its topic has today."""
        return notification_emails(
            content,
            inquiry.reference,
            inquiry.created_at,
            self.clinic,
            self.notification_detail,
            links=self.staff_links,
            spam_note=spam_note,
        )

    def release(self, session: Session, inquiry: Inquiry, now: datetime) -> None:
        """Send a quarantined inquiry to the front desk. Its time to answer begins now if the spam
        filter had held it, and goes on if staff had marked it as spam by mistake.

        Raises QuarantineError, or UnknownKeyError.
        """
        content = inquiry.decrypt(self.database.keys)
        if inquiry.state != InquiryState.QUARANTINED or content is None:
            raise QuarantineError(f"This inquiry is {inquiry.state}; nothing was changed.")
        inquiry.state = InquiryState.RECEIVED
        if inquiry.quarantine_reasons and not inquiry.released_at:
            inquiry.released_at = now
        inquiry.marked_as_spam_at = inquiry.reminded_at = inquiry.escalated_at = None
        require_newest_key(session, self.database.keys, now)
        insert(session.connection(), self._notifications(inquiry, content, now))

    @property
    def _quarantines_spam(self) -> bool:
        """False without the daily digest, which tells staff of quarantined inquiries."""
        return self.spam_filter_enabled and self.clinic.digest is not None

    def _store(self, content: InquiryData, signals: SpamSignals, submission: Submission) -> Receipt:
        with self.database.read_session() as session:
            now = self.database.now(session)
            signals = count_similar(session, signals, submission, now)
        reasons, spam_note = self._judge(content, signals)
        inquiry = self._new_inquiry(content, submission, reasons, now)
        notifications = [] if reasons else self._notifications(inquiry, content, now, spam_note)
        acknowledgements = [] if reasons else self._acknowledgements(inquiry, content)
        # Encryption and template rendering are done by now: the write lock is held briefly.
        with self.database.session() as session:
            if first := _find_duplicate(session, submission, now):
                log.info("duplicate inquiry", extra={"reference": first.reference})
                return first
            require_newest_key(session, self.database.keys, now)
            values = {column.key: getattr(inquiry, column.key) for column in COLUMNS}
            session.connection().execute(INSERT_INQUIRY, values)
            if self.add_to_index:
                self.add_to_index(session.connection(), inquiry.id, content)
            insert(session.connection(), notifications)
            if acknowledgements and acquire_acknowledgement(
                session, submission.address_digest, submission.domain_digest, now
            ):
                insert(session.connection(), acknowledgements)
        log.info("inquiry %s", inquiry.state, extra={"reference": inquiry.reference})
        return Receipt(inquiry.reference, now)

    def _judge(self, content: InquiryData, signals: SpamSignals) -> tuple[tuple[str, ...], str]:
        """The reasons to quarantine the inquiry, if any, and a note for staff if it is doubtful."""
        if not self._quarantines_spam:
            return (), ""
        score = score_spam(content, signals, self.clinic.spam_filter)
        # A false alarm costs staff one email; a person in danger must not wait for the digest.
        if score.is_spam and not mentions_crisis(content.free_text, self.clinic.crisis_phrases):
            return score.reasons, ""
        return (), ", ".join(score.reasons) if score.is_doubtful else ""

    def _new_inquiry(
        self,
        content: InquiryData,
        submission: Submission,
        quarantine_reasons: tuple[str, ...],
        now: datetime,
    ) -> Inquiry:
        return Inquiry(
            id=uuid4(),
            reference=new_reference(),
            submission_key=submission.key,
            content_digest=submission.content_digest,
            encrypted_content=self.database.keys.encrypt(content.to_json()),
            state=InquiryState.QUARANTINED if quarantine_reasons else InquiryState.RECEIVED,
            quarantine_reasons=", ".join(quarantine_reasons)[:200] or None,
            topic=content.topic,
            location=content.location,
            created_at=now,
            request_id=current_request_id() or None,
            message_digest=submission.message_digest,
            network_digest=submission.network_digest,
        )

    def _notifications(
        self, inquiry: Inquiry, content: InquiryData, now: datetime, spam_note: str = ""
    ) -> list[OutboxRow]:
        """What tells the front desk of an inquiry: emails, and the other receivers."""
        emails = self.build_notifications(inquiry, content, spam_note)
        return [
            *(self._outbox_row(email, inquiry, now) for email in emails),
            *self.announcer.received(inquiry, content, now),
        ]

    def _acknowledgements(self, inquiry: Inquiry, content: InquiryData) -> list[OutboxRow]:
        """The email to the visitor, if there is one. Quarantined inquiries are never
        acknowledged: their sender may have typed someone else's address.
        """
        if not self.send_acknowledgement:
            return []
        notices = self.current_notices()
        email = acknowledgement_email(content.email, inquiry.reference, self.clinic, notices)
        return [self._outbox_row(email, inquiry, inquiry.created_at)] if email else []

    def _outbox_row(self, email: OutgoingEmail, inquiry: Inquiry, now: datetime) -> OutboxRow:
        return build_row(
            self.database.keys,
            email,
            domain=self.clinic.email_domain,
            now=now,
            request_id=inquiry.request_id,
        )


def _find_duplicate(session: Session, submission: Submission, now: datetime) -> Receipt | None:
    """The receipt of the inquiry that was stored under this key, while the key is valid."""
    first = session.connection().execute(BY_SUBMISSION_KEY, {"key": submission.key}).first()
    if first is None:
        return None
    if abs(now - first.created_at) > submission.valid_for:  # abs: the clock may have been wrong
        expire = sa.update(Inquiry).where(COLUMNS.id == first.id)
        session.connection().execute(expire.values(submission_key=None))
        return None
    if not compare_digest(first.content_digest, submission.content_digest):
        raise KeyReusedError
    return Receipt(first.reference, first.created_at)
