"""``flask inquiries``: list, read, answer, release, export and erase inquiries; the audit log."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.output import (
    confirm,
    json_option,
    local_time,
    pluralize,
    print_json,
    print_record,
    print_rows,
    printable,
    yes_option,
)
from app.contact.answered import mark_answered, mark_unanswered
from app.contact.models import IS_QUARANTINED, IS_UNANSWERED, Inquiry, InquiryState
from app.contact.quarantine import mark_as_spam
from app.contact.queries import find_inquiry
from app.maintenance import audit_log
from app.maintenance.erasure import erase_now
from app.maintenance.inquiry_export import (
    CONTENT_FIELDS,
    UNDECRYPTABLE,
    csv_writer,
    find_inquiries,
    json_lines_writer,
    read_rows,
)
from app.outbox.models import Kind, OutboxMessage, State
from app.services import current_services

COUNT = click.IntRange(min=1)
WRITERS = {".csv": csv_writer, ".jsonl": json_lines_writer}
EXPORT_WARNING = """\
The file contains names, addresses and messages of visitors, readable by anyone who can open
it. Retention and `inquiries erase` do not reach it: delete it when you no longer need it.
"""


inquiries = AppGroup(
    "inquiries", help="Read, answer, release, export and erase inquiries; mark spam."
)


@inquiries.command(name="list", epilog="Example: flask inquiries list --quarantined")
@click.option("--quarantined", is_flag=True, help="Only likely spam that was not sent on.")
@click.option("--unanswered", is_flag=True, help="Only those that nobody has answered.")
@click.option(
    "--limit", type=COUNT, default=20, show_default=True, help="Maximum number, newest first."
)
@json_option
def list_inquiries(
    quarantined: bool,  # noqa: FBT001
    unanswered: bool,  # noqa: FBT001
    limit: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """List the newest inquiries, without personal data."""
    query = sa.select(Inquiry).order_by(Inquiry.created_at.desc()).limit(limit)
    if quarantined:
        query = query.where(IS_QUARANTINED)
    if unanswered:
        query = query.where(IS_UNANSWERED)
    with current_services().database.read_session() as session:
        rows = [
            (
                inquiry.reference,
                inquiry.created_at,
                inquiry.topic,
                inquiry.state,
                inquiry.answered_at,
                _email_states(session, inquiry),
                inquiry.quarantine_reasons,
            )
            for inquiry in session.scalars(query)
        ]
    head = (
        "reference", "received", "topic", "state", "answered", "emails", "quarantine_reasons"
    )  # fmt: skip
    print_rows(head, rows, as_json=as_json)


@inquiries.command(epilog="Example: flask inquiries show K7R-4M2")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:  # noqa: FBT001
    """Show one inquiry with its content. Access is recorded in the audit log."""
    database = current_services().database
    with database.read_session() as session:
        inquiry = _find_inquiry(session, reference)
        emails = _email_states(session, inquiry)
    data = inquiry.decrypt(database.keys)
    if data:
        with database.session() as session:
            audit_log.record(session, database.now(session), "shown", inquiry.reference)
    content = {name: getattr(data, name) for name in CONTENT_FIELDS} if data else None
    record = {
        "reference": inquiry.reference,
        "received": inquiry.created_at,
        "state": inquiry.state,
        "answered": inquiry.answered_at,
        "answered_by": inquiry.answered_by,
        "emails": emails,
        "request_id": inquiry.request_id,
    }
    if as_json:
        print_json({**record, "content": content})
        return
    print_record(record)
    if content is None:
        click.echo("The content was erased.")
        return
    message = content.pop("message")
    print_record(content)
    click.echo(f"\n{printable(message)}")


@inquiries.command(epilog="Example: flask inquiries answered K7R-4M2")
@click.argument("reference")
@click.option("--undo", is_flag=True, help="It was not answered: remind of it again.")
def answered(reference: str, undo: bool) -> None:  # noqa: FBT001
    """Mark an inquiry as answered and stop its reminders.

    The link in its email does the same.
    """
    database, announcer = current_services().database, current_services().inquiries.announcer
    with database.session() as session:
        inquiry, now = _find_inquiry(session, reference), database.now(session)
        if undo:
            if not mark_unanswered(session, inquiry, now):
                raise click.ClickException(f"{inquiry.reference} is not marked as answered")
        elif inquiry.answered_at:
            click.echo(f"already marked as answered, by {inquiry.answered_by}")
            return
        elif not mark_answered(session, inquiry, audit_log.current_user(), now, announcer):
            raise click.ClickException(f"{inquiry.reference} is {inquiry.state}; nothing changed")
        action = "marked as not answered" if undo else "marked as answered"
        audit_log.record(session, now, action, inquiry.reference)
    click.echo("unanswered" if undo else "answered")


@inquiries.command(epilog="Example: flask inquiries release K7R-4M2")
@click.argument("reference")
@yes_option
def release(reference: str, yes: bool) -> None:  # noqa: FBT001
    """Send a quarantined inquiry to the front desk."""
    database = current_services().database
    with database.read_session() as session:
        _find_inquiry(session, reference)
    confirm(f"Send {reference.upper()} to the front desk?", yes=yes)
    with database.session() as session:
        inquiry, now = _find_inquiry(session, reference), database.now(session)
        current_services().inquiries.release(session, inquiry, now)
        audit_log.record(session, now, "released", inquiry.reference)
    click.echo("released")


@inquiries.command(epilog="Example: flask inquiries spam K7R-4M2")
@click.argument("reference")
def spam(reference: str) -> None:
    """Mark an inquiry as spam: quarantine it, or confirm what the spam filter decided.

    It is erased after QUARANTINE_RETENTION_DAYS. Until then it can be released.
    """
    database = current_services().database
    with database.session() as session:
        inquiry, now = _find_inquiry(session, reference), database.now(session)
        mark_as_spam(session, inquiry, now)
        audit_log.record(session, now, "marked as spam", inquiry.reference)
    click.echo("marked as spam")


@inquiries.command(epilog="Example: flask inquiries export --since 2027-01-01 january.csv")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Received on this day or later.")
@yes_option
def export(file: Path, since: datetime | None, yes: bool) -> None:  # noqa: FBT001
    """Export all inquiries to a .csv or .jsonl file.

    Only the owner can read the file. In a .csv file, an apostrophe precedes what a
    spreadsheet would run as a formula (=, +, -, @). Exit status 1 if some inquiries
    could not be decrypted.
    """
    if file.suffix not in WRITERS:
        raise click.UsageError(f"{file.name}: the name must end in {' or '.join(WRITERS)}")
    database, zone = current_services().database, current_services().clinic.zone
    with database.read_session() as session:
        ids = find_inquiries(session, since.replace(tzinfo=zone) if since else None)
    click.echo(EXPORT_WARNING, err=True)
    confirm(f"Write {pluralize(len(ids), 'inquiry')} to {file}?", yes=yes)
    undecryptable = []
    with _new_file(file) as out:
        with database.session() as session:
            audit_log.record(session, database.now(session), f"exported {len(ids)}")
        write_row = WRITERS[file.suffix](out)
        for row in read_rows(database, ids, zone):
            write_row(row)
            if row["state"] == UNDECRYPTABLE:
                undecryptable.append(str(row["reference"]))
    click.echo(f"{file}: {pluralize(len(ids), 'inquiry')}", err=True)
    if undecryptable:
        raise click.ClickException(
            f"{len(undecryptable)} could not be decrypted, a key is missing from"
            f" ENCRYPTION_KEYS: {', '.join(undecryptable)}"
        )


@contextmanager
def _new_file(file: Path) -> Iterator[TextIO]:
    """Create ``file``, readable by its owner only. It is deleted if writing fails."""
    # Without a byte order mark, Excel assumes an old Windows encoding.
    encoding = "utf-8-sig" if file.suffix == ".csv" else "utf-8"
    private = partial(os.open, mode=0o600)
    with open(file, "x", encoding=encoding, newline="", opener=private) as out:
        try:
            yield out
        except BaseException:
            file.unlink()
            raise


@inquiries.command(epilog="Example: flask inquiries erase K7R-4M2")
@click.argument("reference")
@yes_option
def erase(reference: str, yes: bool) -> None:  # noqa: FBT001
    """Erase the content of an inquiry permanently.

    The reference, times, topic, location and states stay. Emails that the front desk has
    received must be deleted by hand. Webhooks get a notice of the erasure. Backups keep their
    copy; `flask restore` erases it again.
    """
    database = current_services().database
    with database.read_session() as session:
        inquiry = _find_inquiry(session, reference)
        states = Counter(session.scalars(_select_states(inquiry)))
        programs = _programs_with_content(session, inquiry)
    click.echo(f"{inquiry.reference}, {inquiry.topic}, received {local_time(inquiry.created_at)}")
    click.echo(_describe_loss(inquiry, states))
    if programs:
        click.echo(
            f"Webhooks got what the visitor wrote: {', '.join(programs)}. They receive a"
            " notice of the erasure. Make sure that they delete their copies."
        )
    confirm("Erase it permanently?", yes=yes)
    cancelled = erase_now(
        database,
        inquiry.reference,
        current_services().inquiries.announcer,
        current_services().settings.instance_dir,
    )
    click.echo(f"erased; {pluralize(cancelled, 'message')} cancelled" if cancelled else "erased")


def _describe_loss(inquiry: Inquiry, states: Counter[str]) -> str:
    unsent = states[State.PENDING] + states[State.SENDING] + states[State.DEAD]
    delivered = pluralize(states[State.DELIVERED], "email")
    if inquiry.state == InquiryState.QUARANTINED:
        return "It is quarantined as likely spam: nobody at the front desk has read it."
    if unsent and not states[State.DELIVERED]:
        return f"{pluralize(unsent, 'email')} NOT delivered: nobody at the front desk has read it."
    if unsent:
        return f"{delivered} delivered; {unsent} not delivered, and will not be."
    return f"{delivered} delivered: also delete the copies in those mailboxes."


@inquiries.command(name="audit-log", epilog="Example: flask inquiries audit-log")
@click.argument("reference", required=False)
@click.option(
    "--limit", type=COUNT, default=50, show_default=True, help="Maximum number, newest first."
)
@json_option
def show_audit_log(reference: str | None, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Show who read, released, exported or erased inquiries."""
    with current_services().database.read_session() as session:
        events = audit_log.recent_events(session, (reference or "").strip().upper(), limit)
    rows = [(event.occurred_at, event.action, event.reference, event.actor) for event in events]
    print_rows(("time", "action", "reference", "actor"), rows, as_json=as_json)


def _find_inquiry(session: Session, reference: str) -> Inquiry:
    """Return the inquiry, locked in a writing transaction. Raises ClickException."""
    inquiry = find_inquiry(session, reference)
    if inquiry is None:
        raise click.ClickException(f"no inquiry {reference!r}")
    return inquiry


def _email_states(session: Session, inquiry: Inquiry) -> str:
    return ", ".join(session.scalars(_select_states(inquiry))) or "none"


def _select_states(inquiry: Inquiry) -> sa.Select[str]:
    """Select the states of the emails that tell the front desk of the inquiry."""
    return sa.select(OutboxMessage.state).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.kind == Kind.EMAIL,
        ~OutboxMessage.is_acknowledgement,
    )


def _programs_with_content(session: Session, inquiry: Inquiry) -> list[str]:
    """Return the keys of the webhooks that got what the visitor wrote."""
    receivers = [webhook.key for webhook in current_services().clinic.webhooks if webhook.content]
    query = sa.select(OutboxMessage.target).where(
        OutboxMessage.reference == inquiry.reference,
        OutboxMessage.kind == Kind.WEBHOOK,
        OutboxMessage.state == State.DELIVERED,
        OutboxMessage.target.in_(receivers),
    )
    return sorted(target for target in session.scalars(query.distinct()) if target)
