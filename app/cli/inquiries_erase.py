"""``flask inquiries erase``: for a visitor who asks."""

from collections import Counter

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.cli.inquiries import find_inquiry, inquiries
from app.cli.outbox import local_time
from app.contact.models import Inquiry, InquiryState
from app.maintenance import audit_log
from app.maintenance.erasure import SendingInProgressError, erase_inquiry
from app.maintenance.vacuum import purge_deleted
from app.outbox.models import OutboxMessage, State
from app.services import current_services


@inquiries.command(epilog="Example: flask --app wsgi inquiries erase K7R-4M2")
@click.argument("reference")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def erase(reference: str, yes: bool) -> None:  # noqa: FBT001
    """Erase what a visitor wrote, at once and for good.

    The reference, the times, the topic and the states stay. What was mailed to the
    front desk already must be deleted there by hand, and a backup keeps its copy.
    """
    database = current_services().database
    with database.read_session() as session:
        inquiry = find_inquiry(session, reference)
        states = _states(session, inquiry)
    _refuse(inquiry, states)
    click.echo(f"{inquiry.reference}, {inquiry.topic}, received {local_time(inquiry.created_at)}")
    click.echo(_what_is_lost(inquiry, states))
    if not yes:
        click.confirm("Erase it for good?", abort=True)
    with database.session() as session:
        inquiry = find_inquiry(session, reference)
        _refuse(inquiry, _states(session, inquiry))
        try:
            now = database.now(session)
            cancelled = erase_inquiry(session, inquiry, now)
            audit_log.record(session, now, "erased", inquiry.reference)
        except SendingInProgressError:
            raise _being_sent(inquiry) from None
    purge_deleted(database)
    click.echo(f"erased{f'; {_mails(cancelled)} cancelled' if cancelled else ''}")


def _states(session: Session, inquiry: Inquiry) -> Counter[str]:
    to_us = (OutboxMessage.reference == inquiry.reference, ~OutboxMessage.is_acknowledgement)
    return Counter(session.scalars(sa.select(OutboxMessage.state).where(*to_us)))


def _refuse(inquiry: Inquiry, states: Counter[str]) -> None:
    if inquiry.state == InquiryState.ERASED:
        raise click.ClickException(f"{inquiry.reference} is erased already; nothing changed")
    if states[State.SENDING]:
        raise _being_sent(inquiry)


def _being_sent(inquiry: Inquiry) -> click.ClickException:
    return click.ClickException(
        f"a mail of {inquiry.reference} is being sent just now; nothing changed, try again shortly"
    )


def _what_is_lost(inquiry: Inquiry, states: Counter[str]) -> str:
    unsent = states[State.PENDING] + states[State.DEAD]
    if inquiry.state == InquiryState.QUARANTINED:
        return "It was held back as likely spam: nobody at the front desk has read it."
    if unsent and not states[State.DELIVERED]:
        return f"{_mails(unsent)} not delivered: NOBODY at the front desk has read it, or will."
    if unsent:
        return f"{_mails(states[State.DELIVERED])} delivered; {unsent} not, and never will be."
    return f"{_mails(states[State.DELIVERED])} delivered: delete the copies in those mailboxes too."


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count} mails"
