"""One inquiry: what was written, its history, notes, and what staff can do with it.

Every view and action leaves a row in the audit log, which is committed before anything is shown.
A form says which state its page showed. If somebody else has changed the inquiry since, nothing
is done and the page says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.contact import notes, requeue
from app.contact.answered import BY_LINK, mark_answered, mark_unanswered
from app.contact.crisis_detection import mentions_crisis
from app.contact.email_addresses import ascii_address
from app.contact.emails import CONTROLS
from app.contact.forms import REPLY_BY
from app.contact.models import Inquiry, InquiryState
from app.contact.quarantine import QuarantineError, mark_as_spam
from app.contact.queries import find_inquiry
from app.database.key_check_values import require_newest_key
from app.encryption import UnknownKeyError
from app.maintenance import MaintenanceError, audit_log
from app.maintenance.erasure import erase_now
from app.outbox.models import DeliveryAttempt, Kind, OutboxMessage, State
from app.services import current_services
from app.staff.blueprint import blueprint
from app.staff.formats import sentence

MAX_EVENTS = 200
OPENED = "opened"
BUTTONS = ("take", "put_back", "answered", "unanswered", "release", "spam", "send")
CHANGED = "This inquiry has changed since you opened it. Please check it again."


class ActionError(Exception):
    """Nothing was changed. The message is one sentence for the person who tried."""


@dataclass(frozen=True)
class Event:
    """A line of an inquiry's history."""

    at: datetime
    text: str


@blueprint.get("/inquiries/<reference>")
def show_inquiry(reference: str) -> str:
    """Show an inquiry. That it was opened is stored before anything of it is shown."""
    services = current_services()
    with services.database.session() as session:
        inquiry = _find(session, reference)
        now = services.database.now(session)
        audit_log.record(session, now, OPENED, inquiry.reference, actor=current_user.email)
    try:
        content = inquiry.decrypt(services.database.keys)
    except UnknownKeyError:
        content, unreadable = None, True
    else:
        unreadable = False
    clinic = services.clinic
    with services.database.read_session() as session:
        history = sorted(_history(session, inquiry, clinic), key=lambda event: event.at)
        written = [(note, _text_of(note)) for note in notes.list_notes(session, inquiry)]
        undelivered = session.scalars(_select_undelivered(inquiry)).first() is not None
    return render_template(
        "staff/inquiry.html",
        inquiry=inquiry,
        content=content,
        unreadable=unreadable,
        message=content.message.translate(CONTROLS) if content else "",
        reply_address=ascii_address(content.email) if content else None,
        reply_by=REPLY_BY[content.reply_by] if content else "",
        urgent=content is not None and mentions_crisis(content.free_text, clinic.crisis_phrases),
        topic=clinic.topic(inquiry.topic).label,
        location=clinic.location_name(inquiry.location),
        seen=_version(inquiry),
        history=history,
        notes=written,
        undelivered=undelivered,
        mailboxes=_mailboxes(clinic),
        max_note_length=notes.MAX_LENGTH,
    )


@blueprint.post(f"/inquiries/<reference>/<any({', '.join(BUTTONS)}):action>")
def act(reference: str, action: str) -> ResponseReturnValue:
    """Do what a button says, unless the inquiry has changed since the page was shown."""
    database = current_services().database
    try:
        with database.session() as session:
            inquiry, now = _find(session, reference), database.now(session)
            _require_unchanged(inquiry)
            done = ACTIONS[action](session, inquiry, now)
            audit_log.record(session, now, done, inquiry.reference, actor=current_user.email)
    except (ActionError, QuarantineError, requeue.RequeueError) as error:
        flash(sentence(error), "error")
        return redirect(url_for(".show_inquiry", reference=reference), 303)
    inquiry_url = url_for(".show_inquiry", reference=inquiry.reference)
    link = Markup('<a href="{}">{}</a>').format(inquiry_url, inquiry.reference)
    flash(Markup("{}: {}.").format(link, done), "done")
    if action in ("answered", "spam"):
        return redirect(url_for(".inbox"), 303)
    return redirect(inquiry_url, 303)


@blueprint.post("/inquiries/<reference>/notes")
def add_note(reference: str) -> ResponseReturnValue:
    """Add a note. Notes never replace one another, so others may write at the same time."""
    database, text = current_services().database, request.form.get("text", "").strip()
    page = redirect(url_for(".show_inquiry", reference=reference, _anchor="notes"), 303)
    if not text or len(text) > notes.MAX_LENGTH:
        flash(f"Write a note of up to {notes.MAX_LENGTH:,} characters.", "error")
        return page
    with database.session() as session:
        inquiry, now = _find(session, reference), database.now(session)
        if inquiry.state == InquiryState.ERASED:
            flash("This inquiry is erased. Your note was not saved.", "error")
            return page
        author = current_user.email
        require_newest_key(session, database.keys, now)
        session.add(notes.build_note(database.keys, inquiry, text, author=author, now=now))
        audit_log.record(session, now, "note added", inquiry.reference, actor=author)
    return page


@blueprint.get("/inquiries/<reference>/erase")
def confirm_erasure(reference: str) -> str:
    with current_services().database.read_session() as session:
        inquiry = _find(session, reference)
    return render_template("staff/erase.html", inquiry=inquiry, typed="")


@blueprint.post("/inquiries/<reference>/erase")
def erase(reference: str) -> ResponseReturnValue:
    """Erase the content if its reference was typed."""
    services, typed = current_services(), request.form.get("reference", "")
    with services.database.read_session() as session:
        inquiry = _find(session, reference)
    if typed.strip().upper() != inquiry.reference:
        return render_template("staff/erase.html", inquiry=inquiry, typed=typed), 422
    try:
        erase_now(
            services.database,
            inquiry.reference,
            services.inquiries.announcer,
            services.settings.instance_dir,
            actor=current_user.email,
        )
    except MaintenanceError as error:
        flash(sentence(error), "error")
    else:
        flash(f"{inquiry.reference} is erased.", "done")
    return redirect(url_for(".show_inquiry", reference=inquiry.reference), 303)


def _text_of(note: notes.InquiryNote) -> str:
    try:
        return current_services().database.keys.decrypt(note.encrypted_text)
    except UnknownKeyError:
        return "This note cannot be read: a key is missing from ENCRYPTION_KEYS."


def _find(session: Session, reference: str) -> Inquiry:
    """Return the inquiry, locked in a writing transaction, or answer 404."""
    return find_inquiry(session, reference) or abort(404)


def _version(inquiry: Inquiry) -> str:
    """Changes whenever somebody takes, answers, releases, quarantines or erases the inquiry."""
    who = (inquiry.taken_by, inquiry.taken_at)
    what = (inquiry.state, inquiry.marked_as_spam_at, inquiry.answered_at)
    return sha256(repr((who, what)).encode()).hexdigest()[:16]


def _require_unchanged(inquiry: Inquiry) -> None:
    """Raise ActionError unless the inquiry is as the page with the button showed it."""
    if request.form.get("seen") != _version(inquiry):
        raise ActionError(CHANGED)


def _take(_session: Session, inquiry: Inquiry, now: datetime) -> str:
    _require_content(inquiry)
    inquiry.taken_by, inquiry.taken_at = current_user.email, now
    return "taken"


def _put_back(_session: Session, inquiry: Inquiry, _now: datetime) -> str:
    inquiry.taken_by = inquiry.taken_at = None
    return "put back"


def _mark_answered(session: Session, inquiry: Inquiry, now: datetime) -> str:
    announcer = current_services().inquiries.announcer
    if not mark_answered(session, inquiry, current_user.email, now, announcer):
        raise ActionError(CHANGED)
    return "marked as answered"


def _mark_unanswered(session: Session, inquiry: Inquiry, now: datetime) -> str:
    if not mark_unanswered(session, inquiry, now):
        raise ActionError(CHANGED)
    return "marked as not answered"


def _release(session: Session, inquiry: Inquiry, now: datetime) -> str:
    current_services().inquiries.release(session, inquiry, now)
    return "released"


def _mark_as_spam(session: Session, inquiry: Inquiry, now: datetime) -> str:
    mark_as_spam(session, inquiry, now)
    return "marked as spam"


def _send(session: Session, inquiry: Inquiry, now: datetime) -> str:
    services, mailbox = current_services(), request.form.get("mailbox", "")
    if mailbox not in _mailboxes(services.clinic):
        raise ActionError("Choose one of the clinic's mailboxes.")
    requeue.send_to(session, services.inquiries, inquiry, mailbox, now)
    return f"sent to {mailbox}"[:120]


Action = Callable[[Session, Inquiry, datetime], str]
ACTIONS: dict[str, Action] = dict(
    zip(
        BUTTONS,
        (_take, _put_back, _mark_answered, _mark_unanswered, _release, _mark_as_spam, _send),
        strict=True,
    )
)


def _require_content(inquiry: Inquiry) -> None:
    if inquiry.state == InquiryState.ERASED:
        raise ActionError("This inquiry is erased: there is nothing left to do.")


def _mailboxes(clinic: Clinic) -> list[str]:
    """The mailboxes in clinic.toml: content goes to nobody else."""
    mailboxes = [mailbox for topic in clinic.topics for mailbox in topic.mailboxes]
    mailboxes += [mailbox for place in clinic.locations for mailbox in place.mailboxes or ()]
    mailboxes += filter(None, (clinic.fallback_mailbox, clinic.escalate_to))
    return sorted(set(mailboxes))


def _select_undelivered(inquiry: Inquiry) -> sa.Select[str]:
    about = OutboxMessage.reference == inquiry.reference
    return sa.select(OutboxMessage.state).where(about, OutboxMessage.state == State.DEAD)


def _history(session: Session, inquiry: Inquiry, clinic: Clinic) -> Iterator[Event]:
    yield Event(inquiry.created_at, "Received")
    if inquiry.quarantine_reasons:
        yield Event(inquiry.created_at, f"Quarantined: {inquiry.quarantine_reasons}")
    if inquiry.reminded_at:
        yield Event(inquiry.reminded_at, "The front desk was reminded")
    if inquiry.escalated_at:
        recipient = clinic.escalate_to or "the front desk"
        yield Event(inquiry.escalated_at, f"Overdue: {recipient} was notified")
    if inquiry.answered_at and inquiry.answered_by == BY_LINK:  # others are in the audit log
        yield Event(inquiry.answered_at, f"Marked as answered by {BY_LINK}")
    messages = sa.select(OutboxMessage).where(OutboxMessage.reference == inquiry.reference)
    for message in session.scalars(messages):
        if message.kind == Kind.EMAIL:
            yield _delivery(session, message)
    yield from _audited(session, inquiry)


def _delivery(session: Session, message: OutboxMessage) -> Event:
    to = message.mailbox or "the visitor (confirmation)"
    if message.delivered_at:
        place = " (the fallback mailbox got it)" if message.used_fallback else ""
        return Event(message.delivered_at, f"Email delivered to {to}{place}")
    match message.state:
        case State.DEAD:
            text = f"Email to {to} could not be delivered"
        case State.CANCELLED:
            query = sa.select(sa.func.max(DeliveryAttempt.ended_at)).where(
                DeliveryAttempt.outbox_message_id == message.id
            )
            ended_at = session.scalar(query) or message.queued_at
            return Event(ended_at, f"Email to {to} was canceled")
        case _:
            text = f"Email to {to} is waiting to be sent"
    return Event(message.queued_at, text)


def _audited(session: Session, inquiry: Inquiry) -> Iterator[Event]:
    """What people did. That somebody opened it again after an own action is left out."""
    last_actor = ""
    for event in reversed(audit_log.recent_events(session, inquiry.reference, MAX_EVENTS)):
        if event.action != OPENED or event.actor != last_actor:
            action = f"{event.action[:1].upper()}{event.action[1:]}"
            yield Event(event.occurred_at, f"{action} by {event.actor}")
        last_actor = event.actor
