"""The emails about an inquiry: to staff and to the visitor. Nothing is sent here."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from app.contact.email_addresses import ascii_address
from app.contact.forms import REPLY_BY
from app.contact.models import InquiryData
from app.outbox.models import OutgoingEmail

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
    spam_note: str = "",
) -> list[OutgoingEmail]:
    """One email to each mailbox of the inquiry's topic. Unless ``detail`` is minimal, a reply
    goes to the visitor. ``spam_note`` says why an inquiry that was not quarantined may be spam.
    """
    topic = clinic.topic(inquiry.topic)
    crisis = mentions_crisis(inquiry.free_text, clinic.crisis_phrases)
    address = ascii_address(inquiry.email)
    values = {
        "inquiry": replace(inquiry, message=inquiry.message.translate(CONTROLS)),
        "reference": reference,
        "clinic": clinic,
        "topic": topic.label,
        "location": clinic.location_name(inquiry.location),
        "reply_by": REPLY_BY[inquiry.reply_by],
        "received": received_at.astimezone(clinic.zone),
        "reply_address": address,
        "mentions_crisis": crisis,
        "spam_note": spam_note,
        "with_message": detail is NotificationDetail.FULL,
    }
    template = "inquiry"
    name = LINKED.sub(r"\1 ", inquiry.name.translate(BIDI_CONTROLS))
    subject, reply_to = f"{topic.label} from {name}", address
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
        for mailbox in topic.mailboxes
    ]


def acknowledgement_email(email: str, reference: str, clinic: Clinic) -> OutgoingEmail | None:
    """Confirms to the visitor that an inquiry was received. None if some mail servers could
    not deliver to ``email``.

    Has nothing that the visitor typed: someone who enters another person's address cannot use
    it to send them a message.
    """
    address = ascii_address(email)
    if address is None:
        return None
    text, html = render_email("acknowledgement", {"reference": reference, "clinic": clinic})
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
