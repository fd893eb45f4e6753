"""``flask inquiries``: what visitors wrote."""

import json

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.cli.output import show_rows
from app.contact.models import Inquiry, InquiryData, InquiryState
from app.maintenance import audit_log
from app.maintenance.inquiry_export import CONTENT_FIELDS
from app.outbox.models import OutboxMessage
from app.services import current_services


@click.group()
def inquiries() -> None:
    """Read inquiries, send on what was held back, erase what a visitor wants erased."""


@inquiries.command(name="list", epilog="Example: flask --app wsgi inquiries list --quarantined")
@click.option("--quarantined", is_flag=True, help="Only those held back as likely spam.")
@click.option("--limit", default=20, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def list_inquiries(quarantined: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """The newest inquiries: reference, time, topic, state and their mails. No personal data."""
    zone = current_services().clinic.zone
    shape = "%Y-%m-%dT%H:%M:%S%z" if as_json else "%Y-%m-%d %H:%M"
    query = sa.select(Inquiry).order_by(Inquiry.created_at.desc()).limit(limit)
    if quarantined:
        query = query.where(Inquiry.state == InquiryState.QUARANTINED)
    with current_services().database.read_session() as session:
        rows = [
            (
                one.reference,
                one.created_at.astimezone(zone).strftime(shape),
                one.topic,
                one.state,
                one.quarantine_reasons or _mails(session, one.reference),
            )
            for one in session.scalars(query)
        ]
    show_rows(("reference", "received", "topic", "state", "mails"), rows, as_json=as_json)


@inquiries.command(epilog="Example: flask --app wsgi inquiries show K7R-4M2")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def show(reference: str, as_json: bool) -> None:  # noqa: FBT001
    """One inquiry, with what the visitor wrote. It is noted who looked: see `audit-log`."""
    database = current_services().database
    with database.read_session() as session:
        inquiry = find_inquiry(session, reference)
        mails = _mails(session, inquiry.reference)
    words = inquiry.decrypt(database.keys)
    if words:
        with database.session() as session:
            audit_log.record(session, database.now(session), "shown", inquiry.reference)
    if as_json:
        click.echo(json.dumps(_as_data(inquiry, mails, words), indent=2))
    else:
        _tell(inquiry, mails, words)


def _tell(inquiry: Inquiry, mails: str, words: InquiryData | None) -> None:
    received = inquiry.created_at.astimezone(current_services().clinic.zone)
    click.echo(f"{inquiry.reference}, {inquiry.state}; mails: {mails}")
    click.echo(f"Received {received:%Y-%m-%d %H:%M %Z}")
    if inquiry.request_id:
        click.echo(f"Request {inquiry.request_id}, as the log names it")
    if words is None:
        click.echo("The words were erased.")
        return
    for name in (one for one in CONTENT_FIELDS if one != "message"):
        click.echo(f"{name + ':':14}{_printable(str(getattr(words, name)))}")
    click.echo(f"\n{_printable(words.message)}")


def _as_data(inquiry: Inquiry, mails: str, words: InquiryData | None) -> dict[str, object]:
    """``words`` is null once they are erased."""
    received = inquiry.created_at.astimezone(current_services().clinic.zone)
    return {
        "reference": inquiry.reference,
        "received": received.isoformat(timespec="seconds"),
        "state": inquiry.state,
        "mails": mails,
        "request_id": inquiry.request_id,
        "words": {name: getattr(words, name) for name in CONTENT_FIELDS} if words else None,
    }


@inquiries.command(epilog="Example: flask --app wsgi inquiries release K7R-4M2")
@click.argument("reference")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def release(reference: str, yes: bool) -> None:  # noqa: FBT001
    """Send a held inquiry to the front desk after all."""
    database = current_services().database
    with database.read_session() as session:
        find_inquiry(session, reference)
    if not yes:
        click.confirm(f"Send {reference.upper()} to the front desk?", abort=True)
    with database.session() as session:
        inquiry = find_inquiry(session, reference)
        words = inquiry.decrypt(database.keys)
        if inquiry.state != InquiryState.QUARANTINED or words is None:
            raise click.ClickException(f"{inquiry.reference} is not held; nothing changed")
        inquiry.state = InquiryState.RECEIVED
        now = database.now(session)
        current_services().inquiries.notify_staff(session, inquiry, words, now)
        audit_log.record(session, now, "released", inquiry.reference)
    click.echo("on its way")


def find_inquiry(session: Session, reference: str) -> Inquiry:
    """The inquiry called ``reference``, locked in a writing transaction. Raises ClickException."""
    wanted = Inquiry.reference == reference.strip().upper()
    found = session.scalar(sa.select(Inquiry).where(wanted).with_for_update())
    if found is None:
        raise click.ClickException(f"no inquiry {reference!r}")
    return found


def _mails(session: Session, reference: str) -> str:
    to_us = (OutboxMessage.reference == reference, ~OutboxMessage.is_acknowledgement)
    return ", ".join(session.scalars(sa.select(OutboxMessage.state).where(*to_us))) or "none"


def _printable(text: str) -> str:
    """``text`` without characters that could command a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
