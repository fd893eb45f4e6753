"""Erase inquiries.

The content of an inquiry is deleted with everything made from it: its emails, its notes, its rows
in the search index, the digests that would recognize the same content, and the replies of mail
servers. The reference, the times, the topic and the states stay, so that counts remain correct.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry, InquiryState
from app.contact.queries import find_inquiry
from app.database import Database
from app.maintenance import MaintenanceError, audit_log, erasure_list
from app.maintenance.vacuum import purge_deleted
from app.outbox import admin
from app.outbox.models import State


def erase_now(
    database: Database,
    reference: str,
    announcer: Announcer,
    instance: Path,
    *,
    actor: str | None = None,
) -> int:
    """Erase one inquiry for ``actor``, by default the system user, also in the files of the
    database, and add it to the list in ``instance``.

    Returns how many of its messages were cancelled. Raises MaintenanceError, without a change.
    """
    with database.session() as session:
        inquiry, now = find_inquiry(session, reference), database.now(session)
        if inquiry is None:
            raise MaintenanceError(f"no inquiry {reference!r}")
        cancelled = erase_inquiry(session, inquiry, now, announcer)
        audit_log.record(session, now, "erased", inquiry.reference, actor=actor)
    purge_deleted(database)
    erasure_list.update_list(database, instance)
    return cancelled


def erase_rows(
    session: Session, inquiries: Sequence[UUID], messages: Sequence[UUID], now: datetime
) -> None:
    """Erase ``inquiries`` and redact their ``messages``, none of which may be pending."""
    # Web processes load this module, but not these while the staff console is off.
    from app.contact.notes import InquiryNote  # noqa: PLC0415
    from app.contact.search_index import remove_from_index  # noqa: PLC0415

    admin.redact(session, messages)
    remove_from_index(session, inquiries)
    session.execute(
        sa.delete(InquiryNote)
        .where(InquiryNote.inquiry_id.in_(inquiries))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.update(Inquiry)
        .where(Inquiry.id.in_(inquiries))
        .values(
            state=InquiryState.ERASED,
            encrypted_content=None,
            submission_key=None,
            content_digest=b"",
            message_digest=None,
            network_digest=None,
            erased_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def erase_inquiry(
    session: Session, inquiry: Inquiry, now: datetime, announcer: Announcer | None = None
) -> int:
    """Erase one inquiry now. Returns how many of its messages were cancelled.

    ``announcer`` tells the webhooks, unless the inquiry is in quarantine, of which they do not
    know. Raises MaintenanceError, without a change, if it is erased already or one of its messages
    is being sent.
    """
    reference = inquiry.reference
    if inquiry.state == InquiryState.ERASED:
        raise MaintenanceError(f"{reference} is already erased; nothing changed")
    messages = admin.lock_messages(session, [reference])
    if any(message.state == State.SENDING for message in messages):
        raise MaintenanceError(
            f"a message about {reference} is being sent; nothing changed, try again in a minute"
        )
    ids = [message.id for message in messages]
    cancelled = sum(admin.cancel(session, message_id, now) for message_id in ids)
    erase_rows(session, [inquiry.id], ids, now)
    if announcer and inquiry.state == InquiryState.RECEIVED:
        announcer.erased(session, [reference], now)
    return cancelled
