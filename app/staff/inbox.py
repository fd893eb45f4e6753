"""The inbox: inquiries in four tabs, with filters, and the search.

The lists show no content, so they are not audited. A search is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app import clock
from app.clinic import Clinic
from app.clinic.business_hours import open_times, with_usual_hours
from app.contact import search_index
from app.contact.crisis_detection import mentions_crisis
from app.contact.emails import CONTROLS
from app.contact.forms import REPLY_BY
from app.contact.models import IS_ANSWERED, IS_QUARANTINED, IS_UNANSWERED, Inquiry, InquiryData
from app.encryption import UnknownKeyError
from app.maintenance import audit_log
from app.notices.closures import with_closures
from app.notices.service import closures_since
from app.outbox.models import IS_DEAD, OutboxMessage
from app.services import current_services
from app.staff.blueprint import blueprint

PAGE_SIZE = 25
MAX_COUNT = 1000  # of a tab: counting more would take time and help nobody
MAX_FOUND = 100
MAX_PAGE = 10_000
MAX_SORTED = 4 * PAGE_SIZE  # open inquiries that are sorted by urgency
UNDELIVERED = Inquiry.reference.in_(sa.select(OutboxMessage.reference).where(IS_DEAD))
OLDEST_FIRST = (Inquiry.created_at, Inquiry.id)


@dataclass(frozen=True)
class Tab:
    """One list of inquiries."""

    key: str
    label: str
    condition: sa.ColumnElement[bool] | sa.TextClause
    order: Sequence[Any]
    nothing: str


TABS = {
    tab.key: tab
    for tab in (
        Tab("open", "Open", IS_UNANSWERED, OLDEST_FIRST, "Nobody is waiting for an answer."),
        Tab("quarantined", "Quarantined", IS_QUARANTINED, OLDEST_FIRST, "No suspected spam."),
        Tab(
            "problems",
            "Delivery problems",
            UNDELIVERED,
            OLDEST_FIRST,
            "Every email reached its mailbox.",
        ),
        Tab(
            "answered",
            "Answered",
            IS_ANSWERED,
            (Inquiry.answered_at.desc(), Inquiry.id),
            "Nothing is answered yet.",
        ),
    )
}


@dataclass(frozen=True)
class Row:
    """An inquiry in a list. ``waited`` counts only opening hours."""

    inquiry: Inquiry
    topic: str
    location: str
    reply_by: str
    urgent: bool
    waited: timedelta


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to: keys of clinic.toml, and local dates. Empty means all."""

    topic: str
    location: str
    first: date | None
    last: date | None

    @classmethod
    def parse(cls, values: MultiDict[str, str]) -> "Filters":
        return cls(
            values.get("topic", ""),
            values.get("location", ""),
            values.get("first", type=date.fromisoformat),
            values.get("last", type=date.fromisoformat),
        )

    def conditions(self, clinic: Clinic) -> list[sa.ColumnElement[bool]]:
        conditions = []
        if self.topic:
            conditions.append(Inquiry.topic == self.topic)
        if self.location:
            conditions.append(Inquiry.location == self.location)
        if self.first:
            conditions.append(Inquiry.created_at >= _midnight(self.first, clinic))
        if self.last and self.last < date.max:
            end = _midnight(self.last + timedelta(days=1), clinic)
            conditions.append(Inquiry.created_at < end)
        return conditions

    @property
    def query(self) -> dict[str, str]:
        """The query that leads to the same list."""
        return {name: str(value) for name, value in vars(self).items() if value}


@blueprint.get("/", defaults={"key": "open"})
@blueprint.get("/<any(quarantined, problems, answered):key>")
def inbox(key: str) -> str:
    """Show a tab of the inbox."""
    services, tab = current_services(), TABS[key]
    filters = Filters.parse(request.args)
    page = min(max(1, request.args.get("page", 1, type=int)), MAX_PAGE)
    conditions = filters.conditions(services.clinic)
    with services.database.read_session() as session:
        inquiries = _page_of(session, tab, conditions, page)
        values = {
            "rows": _rows(session, inquiries[:PAGE_SIZE]),
            "more": len(inquiries) > PAGE_SIZE,
            "counts": _counts(session, conditions),
            "tabs": TABS.values(),
        }
    return render_template("staff/inbox.html", tab=tab, filters=filters, page=page, **values)


def _page_of(
    session: Session, tab: Tab, conditions: Sequence[sa.ColumnElement[bool]], page: int
) -> Sequence[Inquiry]:
    """The inquiries of a page, and one more if there is another page. Open ones that are urgent
    come first. To know them, each has to be decrypted.
    """
    query = sa.select(Inquiry).where(tab.condition, *conditions).order_by(*tab.order)
    first, end = (page - 1) * PAGE_SIZE, page * PAGE_SIZE
    if tab.key != "open" or end > MAX_SORTED:
        return session.scalars(query.limit(PAGE_SIZE + 1).offset(first)).all()
    inquiries = session.scalars(query.limit(MAX_SORTED + 1)).all()
    longest, next_one = inquiries[:MAX_SORTED], inquiries[MAX_SORTED:]
    urgent_first = sorted(longest, key=lambda inquiry: not _is_urgent(_content(inquiry)))
    return [*urgent_first, *next_one][first : end + 1]


@blueprint.post("/search")
def search() -> ResponseReturnValue:
    """Show the inquiries with a reference, email address or phone number; one at once.

    A POST, because addresses of requests end up in histories and logs.
    """
    services, text = current_services(), request.form.get("search", "").strip()
    query = search_index.search(services.database.keys, text, services.clinic.country)
    if query is None:
        return render_template("staff/found.html", rows=(), search=text.translate(CONTROLS))
    newest = query.order_by(Inquiry.created_at.desc()).limit(MAX_FOUND)
    with services.database.session() as session:
        matches = session.scalars(newest).all()
        now = services.database.now(session)
        audit_log.record(session, now, f"searched: {len(matches)} found", actor=current_user.email)
    if len(matches) == 1:
        return redirect(url_for(".show_inquiry", reference=matches[0].reference), 303)
    with services.database.read_session() as session:
        return render_template("staff/found.html", rows=_rows(session, matches), search=text)


def _counts(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> Mapping[str, str]:
    """How many inquiries each tab has that fulfill ``conditions``, up to ``1,000+``."""
    counts = {}
    for tab in TABS.values():
        rows = sa.select(Inquiry.id).where(tab.condition, *conditions).limit(MAX_COUNT + 1)
        count = session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0
        counts[tab.key] = f"{MAX_COUNT:,}+" if count > MAX_COUNT else f"{count:,}"
    return counts


def _rows(session: Session, inquiries: Sequence[Inquiry]) -> list[Row]:
    clinic = current_services().clinic
    waits = _open_times(session, clinic, [inquiry.waiting_since for inquiry in inquiries])
    return [_row(inquiry, waited, clinic) for inquiry, waited in zip(inquiries, waits, strict=True)]


def _open_times(session: Session, clinic: Clinic, since: Sequence[datetime]) -> list[timedelta]:
    """How long the clinic was open since each moment, as reminders count it."""
    if not since:
        return []
    closures = closures_since(session, min(since))
    return open_times(with_closures(with_usual_hours(clinic), closures), since, clock.now())


def _row(inquiry: Inquiry, waited: timedelta, clinic: Clinic) -> Row:
    content = _content(inquiry)
    return Row(
        inquiry=inquiry,
        topic=clinic.topic(inquiry.topic).label,
        location=clinic.location_name(inquiry.location) if len(clinic.locations) > 1 else "",
        reply_by=REPLY_BY[content.reply_by] if content else "",
        urgent=_is_urgent(content),
        waited=waited,
    )


def _content(inquiry: Inquiry) -> InquiryData | None:
    """What the visitor wrote, or None if it is erased or its key is missing."""
    try:
        return inquiry.decrypt(current_services().database.keys)
    except UnknownKeyError:
        return None


def _is_urgent(content: InquiryData | None) -> bool:
    phrases = current_services().clinic.crisis_phrases
    return content is not None and mentions_crisis(content.free_text, phrases)


def _midnight(day: date, clinic: Clinic) -> datetime:
    return datetime.combine(day, time(), clinic.zone)
