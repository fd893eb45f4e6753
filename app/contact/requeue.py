"""Requeue a message: a notification is rebuilt from its inquiry and today's ``clinic.toml``.

Afterwards each mailbox that its topic has today has one message about the inquiry. If the topic
no longer has the mailbox of this message, it goes to one that has none; if there are more of
them, each gets a message of its own; if all of them have one, there is nothing to send.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryState
from app.contact.service import InquiryService
from app.database.key_check_values import require_newest_key
from app.outbox import admin, queue
from app.outbox.models import Kind, OutboxMessage, OutgoingEmail, State


class RequeueError(Exception):
    """The message cannot be requeued, and nothing was changed. The text says why."""


def requeue(
    session: Session,
    service: InquiryService,
    message: OutboxMessage,
    now: datetime,
    to: str | None = None,
) -> list[OutgoingEmail]:
    """Send the message now, or cancel it if there is nothing to send. With ``to``, only this
    message is sent, to that address.

    Returns the emails to send, that of the message first; none for a message of another kind,
    which is sent to the receiver that clinic.toml has today. Raises UnknownKeyError, or
    RequeueError, also when the message is being sent or has arrived: roll back then.
    """
    keys = service.database.keys
    admin.lock_messages(session, [message.reference])  # two commands must not add the same one
    emails = [] if message.target else _emails(session, service, message, to)
    if message.target:
        if to:
            raise RequeueError("only an email can be sent to an address; nothing changed")
        content = message.encrypted_message or admin.REDACTED
        possible = admin.requeue(session, message.id, content, None, now)
    elif emails:
        require_newest_key(session, keys, now)
        keeps_mailbox = to or message.is_acknowledgement
        mailbox = message.mailbox if keeps_mailbox else emails[0].recipient
        content = keys.encrypt(emails[0].to_json())
        possible = admin.requeue(session, message.id, content, mailbox, now)
    else:
        possible = admin.cancel(session, message.id, now)
    if not possible:
        raise RequeueError(f"not possible while it is {message.state}; nothing changed")
    for email in emails[1:]:
        queue.enqueue(session, keys, email, domain=service.clinic.email_domain, now=now)
    return emails


def send_to(
    session: Session, service: InquiryService, inquiry: Inquiry, to: str, now: datetime
) -> None:
    """Send the email about an inquiry to the mailbox ``to`` as well.

    If it could not be delivered to another one, that message is sent there instead. Raises
    UnknownKeyError, or RequeueError.
    """
    content = inquiry.decrypt(service.database.keys)
    if content is None or inquiry.state != InquiryState.RECEIVED:
        raise RequeueError(f"not possible while it is {inquiry.state}; nothing changed")
    dead = sa.select(OutboxMessage).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.kind == Kind.EMAIL,
        OutboxMessage.state == State.DEAD,
    )
    if message := session.scalars(dead.order_by(OutboxMessage.queued_at)).first():
        requeue(session, service, message, now, to)
        return
    email = replace(service.build_notifications(inquiry, content)[0], recipient=to)
    domain = service.clinic.email_domain
    queue.enqueue(session, service.database.keys, email, domain=domain, now=now)


def _emails(
    session: Session, service: InquiryService, message: OutboxMessage, to: str | None
) -> list[OutgoingEmail]:
    inquiry = session.scalar(sa.select(Inquiry).where(Inquiry.reference == message.reference))
    if inquiry is None or message.is_acknowledgement or message.kind == Kind.REMINDER:
        return [_stored_email(service, message, to)]
    content = inquiry.decrypt(service.database.keys)
    if content is None:
        raise RequeueError("not possible while it is erased; nothing changed")
    emails = service.build_notifications(inquiry, content)
    if to:
        return [replace(emails[0], recipient=to)]
    others = sa.select(OutboxMessage.mailbox).where(
        OutboxMessage.reference == message.reference,
        OutboxMessage.id != message.id,
        OutboxMessage.kind == Kind.EMAIL,
    )
    return _missing(emails, message.mailbox, session.scalars(others).all())


def _stored_email(service: InquiryService, message: OutboxMessage, to: str | None) -> OutgoingEmail:
    """The email of an acknowledgement, reminder or digest, which is not rebuilt."""
    if to and message.is_acknowledgement:
        raise RequeueError("an acknowledgement goes only to the visitor; nothing changed")
    if not message.encrypted_message:
        raise RequeueError(f"not possible while it is {message.state}; nothing changed")
    email = OutgoingEmail.from_json(service.database.keys.decrypt(message.encrypted_message))
    return replace(email, recipient=to or email.recipient)


def _missing(
    emails: Sequence[OutgoingEmail], mailbox: str | None, others: Sequence[str | None]
) -> list[OutgoingEmail]:
    """The emails that no other message is for, that to ``mailbox`` first."""
    have_one = {other.lower() for other in others if other}
    missing = [email for email in emails if email.recipient.lower() not in have_one]
    return sorted(missing, key=lambda email: email.recipient.lower() != (mailbox or "").lower())
