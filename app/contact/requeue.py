"""Requeue a message: a notification is rebuilt from its inquiry and today's ``clinic.toml``.

Afterwards each mailbox that its topic has today has one message about the inquiry. If the topic
no longer has the mailbox of this message, it goes to one that has none; if there are more of
them, each gets a message of its own; if all of them have one, there is nothing to send.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry
from app.contact.service import InquiryService
from app.database.key_check_values import require_newest_key
from app.outbox import admin, queue
from app.outbox.models import OutboxMessage, OutgoingEmail


class RequeueError(Exception):
    """The message cannot be requeued, and nothing was changed. The text says why."""


@dataclass(frozen=True)
class Plan:
    """What to send: ``email`` by the message itself, and ``others`` by new ones. Without
    ``email`` there is nothing to send.
    """

    email: OutgoingEmail | None
    others: Sequence[OutgoingEmail] = ()


def plan_requeue(
    session: Session, service: InquiryService, message: OutboxMessage, to: str | None = None
) -> Plan:
    """What ``requeue`` would do now. With ``to``, only this message is sent, to that address.

    Raises RequeueError, or UnknownKeyError.
    """
    inquiry = session.scalar(sa.select(Inquiry).where(Inquiry.reference == message.reference))
    if inquiry is None or message.is_acknowledgement:
        return Plan(_stored_email(service, message, to))
    content = inquiry.decrypt(service.database.keys)
    if content is None:
        raise RequeueError("not possible while it is erased; nothing changed")
    emails = service.build_notifications(inquiry, content)
    if to:
        return Plan(replace(emails[0], recipient=to))
    others = sa.select(OutboxMessage.mailbox).where(
        OutboxMessage.reference == message.reference, OutboxMessage.id != message.id
    )
    return _plan(emails, message.mailbox, session.scalars(others).all())


def _stored_email(service: InquiryService, message: OutboxMessage, to: str | None) -> OutgoingEmail:
    """The email of an acknowledgement or a digest, which is not rebuilt."""
    if to and message.is_acknowledgement:
        raise RequeueError("an acknowledgement goes only to the visitor; nothing changed")
    if not message.encrypted_message:
        raise RequeueError(f"not possible while it is {message.state}; nothing changed")
    email = OutgoingEmail.from_json(service.database.keys.decrypt(message.encrypted_message))
    return replace(email, recipient=to or email.recipient)


def _plan(
    emails: Sequence[OutgoingEmail], mailbox: str | None, others: Sequence[str | None]
) -> Plan:
    """The plan for the message of ``mailbox``, when the mailboxes ``others`` have one."""
    have_one = {other.lower() for other in others if other}
    missing = [email for email in emails if email.recipient.lower() not in have_one]
    # The message stays with its mailbox, if it still is one of the topic's.
    missing.sort(key=lambda email: email.recipient.lower() != (mailbox or "").lower())
    return Plan(missing[0], missing[1:]) if missing else Plan(None)


def requeue(
    session: Session,
    service: InquiryService,
    message: OutboxMessage,
    now: datetime,
    to: str | None = None,
) -> Plan:
    """Carry out the plan; cancel the message if there is nothing to send.

    Raises RequeueError, also when the message is being sent or has arrived; UnknownKeyError.
    """
    keys = service.database.keys
    admin.lock_messages(session, [message.reference])  # two commands must not add the same one
    plan = plan_requeue(session, service, message, to)
    if plan.email is None:
        possible = admin.cancel(session, message.id, now)
    else:
        require_newest_key(session, keys, now)
        content = keys.encrypt(plan.email.to_json())
        keeps_mailbox = to or message.is_acknowledgement
        mailbox = message.mailbox if keeps_mailbox else plan.email.recipient
        possible = admin.requeue(session, message.id, content, mailbox, now)
    if not possible:
        raise RequeueError(f"not possible while it is {message.state}; nothing changed")
    for email in plan.others:
        queue.enqueue(session, keys, email, domain=service.clinic.email_domain, now=now)
    return plan
