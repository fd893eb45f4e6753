"""The emails about an inquiry: to staff and to the visitor. Nothing is sent here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from app.contact.email_addresses import ascii_address
from app.contact.forms import REPLY_BY
from app.contact.models import InquiryData
from app.contact.staff_links import StaffLinks
from app.outbox.models import Kind, OutgoingEmail

TEMPLATES = Path(__file__).parents[2] / "templates" / "email"
CRISIS_PREFIX = "Please read now: "
# Control characters, which could command a terminal or a printer.
CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}, "\ufffd")
# Bidirectional controls, with which a name could rewrite the subject.
BIDI_CONTROLS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))

# A dot or colon that a mail program could make a link of: the subject must not have links.
LINKED = re.compile(r"(?<=\w)([.:\u3002\uff0e\uff61])(?=[\w/])")


class NotificationDetail(StrEnum):
    """How much of an inquiry its notification has: all, all but the message, or the reference."""

    FULL = "full"
    CONTACT = "contact"
    MINIMAL = "minimal"


def notification_emails(  # noqa: PLR0913  (the inquiry and the clinic's choices)
    inquiry: InquiryData,
    reference: str,
    received_at: datetime,
    clinic: Clinic,
    detail: NotificationDetail,
    *,
    links: StaffLinks,
    spam_note: str = "",
) -> list[OutgoingEmail]:
    """One email to each mailbox of the inquiry's topic and location. Unless ``detail`` is
    minimal, a reply goes to the visitor. ``spam_note`` says why an inquiry that was not
    quarantined may be spam.
    """
    topic, location = clinic.topic(inquiry.topic), clinic.location_name(inquiry.location)
    crisis = mentions_crisis(inquiry.free_text, clinic.crisis_phrases)
    address = ascii_address(inquiry.email)
    values = {
        "inquiry": replace(inquiry, message=inquiry.message.translate(CONTROLS)),
        "reference": reference,
        "clinic": clinic,
        "topic": topic.label,
        "location": location,
        "reply_by": REPLY_BY[inquiry.reply_by],
        "received": received_at.astimezone(clinic.zone),
        "reply_address": address,
        "mentions_crisis": crisis,
        "spam_note": spam_note,
        "answered_url": links.answered(reference),
        "console_url": links.inquiry(reference),
        "with_message": detail is NotificationDetail.FULL,
    }
    template = "inquiry"
    name = LINKED.sub(r"\1 ", inquiry.name.translate(BIDI_CONTROLS))
    place = f" ({location})" if len(clinic.locations) > 1 else ""
    subject, reply_to = f"{topic.label}{place} from {name}", address
    if detail is NotificationDetail.MINIMAL:
        template, subject, reply_to = "inquiry_minimal", "New inquiry", None
    text, html = render_email(template, values)
    return [
        OutgoingEmail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=f"{CRISIS_PREFIX if crisis else ''}[{reference}] {subject}",
            text=text,
            html=html,
            reference=reference,
            reply_to=reply_to,
        )
        for mailbox in clinic.mailboxes(inquiry.topic, inquiry.location)
    ]


def reminder_emails(  # noqa: PLR0913  (what a reminder says)
    reference: str,
    clinic: Clinic,
    mailboxes: Iterable[str],
    *,
    waiting_since: datetime,
    waited: timedelta,
    links: StaffLinks,
    is_escalation: bool,
) -> list[OutgoingEmail]:
    """One email to each of ``mailboxes``: nobody has answered yet. Has nothing of the inquiry.

    ``waited`` counts only opening hours. An escalation says that the time to answer is over.
    """
    hours = round(waited / timedelta(hours=1), 1)
    values = {
        "reference": reference,
        "clinic": clinic,
        "waiting_since": waiting_since.astimezone(clinic.zone),
        "waited": f"{hours:g} opening hour{'' if hours == 1 else 's'}",
        "answered_url": links.answered(reference),
        "console_url": links.inquiry(reference),
        "is_escalation": is_escalation,
    }
    text, html = render_email("reminder", values)
    return [
        OutgoingEmail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=f"[{reference}] {'Overdue' if is_escalation else 'Reminder'}: not answered yet",
            text=text,
            html=html,
            reference=reference,
            kind=Kind.REMINDER,
        )
        for mailbox in mailboxes
    ]


def acknowledgement_email(
    email: str, reference: str, clinic: Clinic, notices: Sequence[str] = ()
) -> OutgoingEmail | None:
    """Confirms to the visitor that an inquiry was received, with the current ``notices``. None if
    some mail servers could not deliver to ``email``.

    Has nothing that the visitor typed: someone who enters another person's address cannot use
    it to send them a message.
    """
    address = ascii_address(email)
    if address is None:
        return None
    values = {"reference": reference, "clinic": clinic, "notices": notices}
    text, html = render_email("acknowledgement", values)
    return OutgoingEmail(
        recipient=address,
        sender_name=clinic.name,
        subject=f"[{reference}] We received your message",
        text=text,
        html=html,
        reference=reference,
        reply_to=clinic.email,
        is_acknowledgement=True,
    )


def render_email(template: str, values: Mapping[str, object]) -> tuple[str, str]:
    """The plain-text and the HTML part of an email."""
    text, html = (email_templates().get_template(f"{template}.{kind}") for kind in ("txt", "html"))
    return text.render(values), html.render(values)


@cache
def email_templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
