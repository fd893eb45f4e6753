"""The mail the front desk gets, and the visitor's. Pure: values in, mails out, nothing sent."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from email_validator import EmailNotValidError, validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.clinic import Clinic
from app.contact.crisis_detection import inquiry_mentions_crisis
from app.contact.forms import REPLY_BY
from app.contact.models import InquiryData
from app.outbox.models import OutgoingEmail

TEMPLATES = Path(__file__).parents[2] / "templates" / "email"
FIRST = "Please read now: "  # before the subject when somebody may be in danger
# Characters that command a terminal or a printer; what a person types has none of them.
COMMANDS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}, "\ufffd")
# Characters that turn the direction of what follows: a name must not rewrite a subject.
DIRECTION = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


class NotificationDetail(StrEnum):
    """What the mail says: everything, whom to answer and how, or the reference alone."""

    FULL = "full"
    CONTACT = "contact"
    MINIMAL = "minimal"


def notification_emails(
    words: InquiryData,
    reference: str,
    received_at: datetime,
    clinic: Clinic,
    notify: NotificationDetail = NotificationDetail.FULL,
) -> list[OutgoingEmail]:
    """One mail for each mailbox of the inquiry's topic, ready to be answered unless
    ``notify`` keeps the visitor's address out of it.
    """
    topic = clinic.topic(words.topic)
    danger = inquiry_mentions_crisis(words, clinic.crisis_phrases)
    address = reply_address(words.email)
    values = {
        "words": replace(words, message=words.message.translate(COMMANDS)),
        "reference": reference,
        "clinic": clinic,
        "topic": topic.label,
        "location": clinic.location_name(words.location),
        "reply_by": REPLY_BY[words.reply_by],
        "received": received_at.astimezone(clinic.zone),
        "reply_address": address,
        "danger": danger,
        "whole": notify is NotificationDetail.FULL,
    }
    template = "reference" if notify is NotificationDetail.MINIMAL else "inquiry"
    subject, reply_to = f"{topic.label} from {words.name.translate(DIRECTION)}", address
    if notify is NotificationDetail.MINIMAL:
        subject, reply_to = "New inquiry", None
    text = email_templates().get_template(f"{template}.txt").render(values)
    html = email_templates().get_template(f"{template}.html").render(values)
    return [
        OutgoingEmail(
            recipient=mailbox,
            sender_name=clinic.name,
            subject=f"{FIRST if danger else ''}[{reference}] {subject}",
            text=text,
            html=html,
            reference=reference,
            reply_to=reply_to,
        )
        for mailbox in topic.mailboxes
    ]


def acknowledgement_email(email: str, reference: str, clinic: Clinic) -> OutgoingEmail | None:
    """The mail that tells a visitor of the reference and what comes next; None where
    ``email`` cannot be written to from every relay. Nothing in it is what somebody typed:
    whoever types another one's address cannot speak through it.
    """
    address = reply_address(email)
    if address is None:
        return None
    values = {"reference": reference, "clinic": clinic}
    return OutgoingEmail(
        recipient=address,
        sender_name=clinic.name,
        subject=f"[{reference}] We received your message",
        text=email_templates().get_template("acknowledgement.txt").render(values),
        html=email_templates().get_template("acknowledgement.html").render(values),
        reference=reference,
        reply_to=clinic.email,
        is_acknowledgement=True,
    )


def reply_address(email: str) -> str | None:
    """``email`` in ASCII (an IDN domain as xn--…), or None when its local part is not
    ASCII: such a Reply-To cannot be sent to every relay, the body has the address.
    """
    if email.isascii():  # the form has judged it
        return email
    try:
        return validate_email(email, check_deliverability=False).ascii_email
    except EmailNotValidError:
        return None


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
