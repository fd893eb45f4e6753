"""Tells the receivers in clinic.toml about inquiries: people through Apprise, programs by webhook.

All messages go through the outbox. They have the topic, the location, the reference and, for
people, a link to the console; a webhook with ``content = true`` also has what the visitor wrote.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from app import clock
from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from app.contact.models import Inquiry, InquiryData
from app.contact.staff_links import StaffLinks
from app.database.key_check_values import require_newest_key
from app.encryption import KeyRing
from app.outbox.models import Kind, OutgoingCall
from app.outbox.queue import OutboxRow, build_row, insert


@dataclass(frozen=True)
class _Event:
    name: str
    reference: str
    at: datetime
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Announcer:
    """Builds the messages for the receivers of ``clinic``."""

    keys: KeyRing
    clinic: Clinic
    links: StaffLinks

    def received(self, inquiry: Inquiry, content: InquiryData, now: datetime) -> list[OutboxRow]:
        """The rows for a new inquiry. Needs no database."""
        data = {"topic": inquiry.topic, "location": inquiry.location}
        event = _Event("inquiry.received", inquiry.reference, inquiry.created_at, data)
        calls = [
            *self._notifications(inquiry, content),
            *self._webhooks(event, content),
        ]
        return self._rows(calls, now, inquiry.request_id)

    def answered(self, session: Session, reference: str, now: datetime) -> None:
        """Queue the webhooks that say that an inquiry was answered."""
        self._queue(session, [_Event("inquiry.answered", reference, now)], now)

    def erased(self, session: Session, references: Iterable[str], now: datetime) -> None:
        """Queue the webhooks that say that the content of inquiries was erased."""
        events = [_Event("inquiry.erased", reference, now) for reference in references]
        self._queue(session, events, now)

    def _notifications(self, inquiry: Inquiry, content: InquiryData) -> list[OutgoingCall]:
        topic = self.clinic.topic(inquiry.topic).label
        place = self.clinic.location_name(inquiry.location)
        console_url = self.links.inquiry(inquiry.reference)
        link = f"\n{console_url}" if console_url else ""
        return [
            OutgoingCall(
                kind=Kind.NOTIFY,
                target=receiver.key,
                reference=inquiry.reference,
                title="Please read now: new inquiry"
                if receiver.urgent
                and mentions_crisis(content.free_text, self.clinic.crisis_phrases)
                else "New inquiry",
                body=f"{topic}, {place}. Reference {inquiry.reference}{link}",
            )
            for receiver in self.clinic.notify
            if receiver.concerns(inquiry.topic, inquiry.location)
        ]

    def _webhooks(self, event: _Event, content: InquiryData | None = None) -> list[OutgoingCall]:
        calls = []
        for receiver in self.clinic.webhooks:
            written = {"content": vars(content)} if content and receiver.content else {}
            body = json.dumps(
                {
                    "type": event.name,
                    "timestamp": clock.iso_utc(event.at),
                    "data": {"reference": event.reference, **event.data, **written},
                }
            )
            calls.append(OutgoingCall(Kind.WEBHOOK, receiver.key, event.reference, body))
        return calls

    def _queue(self, session: Session, events: Iterable[_Event], now: datetime) -> None:
        if calls := [call for event in events for call in self._webhooks(event)]:
            require_newest_key(session, self.keys, now)
            insert(session.connection(), self._rows(calls, now))

    def _rows(
        self, calls: list[OutgoingCall], now: datetime, request_id: str | None = None
    ) -> list[OutboxRow]:
        domain = self.clinic.email_domain
        return [
            build_row(self.keys, call, domain=domain, now=now, request_id=request_id)
            for call in calls
        ]
