"""``flask outbox``: show outgoing messages, requeue or cancel them, pause and resume sending."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from app.cli.output import (
    confirm,
    json_option,
    local_time,
    pluralize,
    print_json,
    print_record,
    print_table,
    yes_option,
)
from app.clinic.models import Mailbox
from app.contact.requeue import requeue as requeue_message
from app.encryption import UnknownKeyError
from app.maintenance import audit_log
from app.outbox import admin, circuit_breaker
from app.outbox.models import (
    IS_DEAD,
    DeliveryAttempt,
    MailTransportState,
    OutboxMessage,
    OutboxPause,
    OutgoingEmail,
    State,
)
from app.services import current_services

UNFINISHED = (State.PENDING, State.SENDING, State.DEAD)
MAX_LISTED = 50  # messages listed before `resume` asks


outbox = AppGroup("outbox", help="Show and manage outgoing messages.")


def _valid_mailbox(_context: click.Context, _option: click.Parameter, to: str | None) -> str | None:
    if to is not None:
        try:
            TypeAdapter(Mailbox).validate_python(to)
        except ValidationError:
            raise click.BadParameter("must be an address in ASCII, like a@b.example") from None
    return to


@outbox.command(name="list", epilog="Example: flask outbox list")
@click.option("--all", "include_finished", is_flag=True, help="Also delivered and cancelled.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Maximum number, newest first.",
)
@json_option
def list_messages(include_finished: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """List undelivered messages and the reasons, without inquiry content."""
    query = sa.select(OutboxMessage).order_by(OutboxMessage.created_at.desc()).limit(limit)
    if not include_finished:
        query = query.where(OutboxMessage.state.in_(UNFINISHED))
    with current_services().database.read_session() as session:
        messages = session.scalars(query).all()
        pause, transport = admin.current_pause(session), circuit_breaker.transport_state(session)
    if as_json:
        unavailable_since = transport.unavailable_since if transport else None
        print_json(
            {
                "paused_since": pause.since if pause else None,
                "transport_unavailable_since": unavailable_since,
                "transport_error": transport.reason if transport and unavailable_since else None,
                "messages": [_as_record(message) for message in messages],
            }
        )
        return
    _print_warnings(pause, transport)
    _print_messages(messages)


@outbox.command(epilog="Example: flask outbox show K7R-4M2")
@click.argument("message")
@json_option
def show(message: str, as_json: bool) -> None:  # noqa: FBT001
    """Show the messages of an inquiry and their delivery attempts.

    MESSAGE is the inquiry's reference or, for one message, the start of its id.
    """
    with current_services().database.read_session() as session:
        of_reference = sa.select(OutboxMessage).where(OutboxMessage.reference == message.upper())
        messages = session.scalars(of_reference.order_by(OutboxMessage.created_at)).all()
        records = [
            _as_record(row) | {"message_id": row.message_id, "log": _attempts(session, row)}
            for row in messages or [_find_message(session, message)]
        ]
    if as_json:
        print_json(records)
        return
    for number, record in enumerate(records):
        click.echo("\n" * bool(number), nl=False)
        log = record.pop("log")
        print_record(record)
        click.echo()
        print_table(list(log[0]) if log else [], [list(entry.values()) for entry in log])


def _attempts(session: Session, message: OutboxMessage) -> list[dict[str, Any]]:
    attempt = DeliveryAttempt
    columns = (
        attempt.started_at,
        attempt.ended_at,
        attempt.owner.label("mailer"),
        attempt.outcome,
        attempt.code,
        attempt.transport_reply,
    )
    query = sa.select(*columns).where(attempt.outbox_message_id == message.id)
    return [dict(row) for row in session.execute(query.order_by(attempt.id)).mappings()]


@outbox.command(epilog="Example: flask outbox requeue 5f0c2a71")
@click.argument("message", required=False)
@click.option("--all", "every", is_flag=True, help="All messages that were given up.")
@click.option(
    "--to", metavar="ADDRESS", callback=_valid_mailbox, help="Send it to this address, once."
)
@yes_option
def requeue(message: str | None, every: bool, to: str | None, yes: bool) -> None:  # noqa: FBT001
    """Send a dead, cancelled or pending message now.

    An email about an inquiry is created again, for the mailboxes that its topic has in clinic.toml
    today. Each of them gets the inquiry once.
    """
    if every == bool(message) or (every and to):
        raise click.UsageError("name a message, or use --all without --to")
    database = current_services().database
    with database.read_session() as session:
        dead = sa.select(OutboxMessage).where(IS_DEAD).order_by(OutboxMessage.queued_at)
        messages = [_find_message(session, message)] if message else session.scalars(dead).all()
    with database.session() as session:
        for outbox_message in messages:
            action = _requeue(session, outbox_message, to)
            click.echo(f"{outbox_message.reference}: {_describe(outbox_message)}\n  {action}")
        session.rollback()
    confirm("Do it?", yes=yes)
    with database.session() as session:
        for outbox_message in messages:
            _requeue(session, outbox_message, to)
    click.echo("done")


def _requeue(session: Session, message: OutboxMessage, to: str | None) -> str:
    """Requeue in the caller's transaction. Returns what was done."""
    services = current_services()
    now = services.database.now(session)
    if to:
        audit_log.record(session, now, "redirected", message.reference)
    emails = requeue_message(session, services.inquiries, message, now, to)
    if message.target:
        return f"send it to {_recipient(message)}"
    if not emails:
        return "cancel it: each mailbox of its topic has an email about this inquiry"
    recipients = " and ".join(email.recipient for email in emails)
    return f"send it to {'the visitor' if message.is_acknowledgement else recipients}"


@outbox.command(epilog="Example: flask outbox cancel 5f0c2a71")
@click.argument("message")
@yes_option
def cancel(message: str, yes: bool) -> None:  # noqa: FBT001
    """Cancel a pending or dead message. The inquiry is kept."""
    database = current_services().database
    with database.read_session() as session:
        target = _find_message(session, message)
    click.echo(f"{target.reference} to {_recipient(target)}: {_describe(target)}")
    confirm("Never send it?", yes=yes)
    with database.session() as session:
        changed = admin.cancel(session, target.id, database.now(session))
    if not changed:
        state = target.state if target.encrypted_message != admin.REDACTED else "erased"
        raise click.ClickException(f"not possible while it is {state}; nothing changed")
    click.echo("done")


@outbox.command(epilog="Example: flask outbox pause")
@yes_option
def pause(yes: bool) -> None:  # noqa: FBT001
    """Stop sending until `outbox resume`. Inquiries are still accepted."""
    database = current_services().database
    confirm("Stop sending?", yes=yes)
    with database.session() as session:
        admin.pause(session, "by an operator", database.now(session))
    click.echo("paused")


@outbox.command(epilog="Example: flask outbox resume")
@yes_option
def resume(yes: bool) -> None:  # noqa: FBT001
    """Send again after a pause. Lists what would be sent and asks.

    After a restore, first `outbox cancel` messages that were delivered long ago.
    """
    database = current_services().database
    with database.read_session() as session:
        pause = admin.current_pause(session)
        if pause is None:
            raise click.ClickException("the outbox is not paused; nothing changed")
        pending = sa.select(OutboxMessage).where(OutboxMessage.due_at.is_not(None))
        messages = session.scalars(pending.order_by(OutboxMessage.queued_at)).all()
    click.echo(f"Paused since {local_time(pause.since)}: {pause.reason}. Messages to be sent:\n")
    _print_messages(messages[:MAX_LISTED])
    confirm(f"\nSend {pluralize(len(messages), 'message')} and resume?", yes=yes)
    with database.session() as session:
        admin.resume(session)
    click.echo("resumed")


def _find_message(session: Session, prefix: str) -> OutboxMessage:
    """Return the one message whose id starts with ``prefix``. Raises ClickException."""
    digits = prefix.replace("-", "").lower()
    try:
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    except ValueError:
        raise click.ClickException(f"no message {prefix!r}") from None
    query = sa.select(OutboxMessage).where(OutboxMessage.id.between(first, last))
    messages: Sequence[OutboxMessage] = session.scalars(query).all()
    if not messages:
        raise click.ClickException(f"no message {prefix!r}")
    if len(messages) > 1:
        raise click.ClickException(f"{len(messages)} messages start with {prefix!r}")
    return messages[0]


def _recipient(message: OutboxMessage) -> str:
    """Return the address, or in parentheses why it is not shown."""
    if message.target:
        return f"({message.kind}: {message.target})"
    if not message.encrypted_message:
        return "(delivered)" if message.state == State.DELIVERED else "(erased)"
    if message.is_acknowledgement:
        return "(the visitor)"
    keys = current_services().database.keys
    try:
        return OutgoingEmail.from_json(keys.decrypt(message.encrypted_message)).recipient
    except UnknownKeyError:
        return "(encrypted with an unknown key)"
    except (TypeError, ValueError):
        return "(unreadable: written by a newer version)"


def _print_warnings(pause: OutboxPause | None, transport: MailTransportState | None) -> None:
    if pause:
        click.echo(
            f"The outbox is paused since {local_time(pause.since)} ({pause.reason}): nothing is"
            " sent until `flask outbox resume`.\n"
        )
    if transport and transport.unavailable_since and transport.next_probe_at:
        click.echo(
            f"The mail server is unavailable since {local_time(transport.unavailable_since)}"
            f" ({transport.reason}). Next attempt: {local_time(transport.next_probe_at)}."
            " Messages are kept, and sent afterwards.\n"
        )


def _describe(message: OutboxMessage) -> str:
    """Describe the state of ``message`` in one line."""
    match message.state:
        case State.PENDING:
            return f"pending: {_reason(message)}; next attempt {local_time(message.due_at)}"
        case State.SENDING:
            since = f" since {local_time(message.claimed_at)}" if message.claimed_at else ""
            return f"being sent by {message.owner}{since}"
        case State.DELIVERED:
            place = " to the fallback mailbox" if message.used_fallback else ""
            return f"delivered{place} {local_time(message.delivered_at)}"
        case State.DEAD:
            return f"not delivered, given up: {_reason(message)}"
        case _ if message.is_acknowledgement and message.last_error:
            return f"acknowledgement given up: {_reason(message)}"
        case _:
            return "cancelled"


def _reason(message: OutboxMessage) -> str:
    """Say why ``message`` is not delivered."""
    error = message.last_error
    if not error:
        return "not attempted yet"
    is_smtp_reply = error.startswith(f"{message.last_code} ")
    return f"the mail server answered {error}" if is_smtp_reply else error


def _print_messages(messages: Sequence[OutboxMessage]) -> None:
    rows = [
        (
            str(message.id)[:8],
            message.reference,
            _recipient(message),
            message.queued_at,
            message.attempt_count,
            _describe(message),
        )
        for message in messages
    ]
    print_table(("message", "reference", "to", "queued", "attempts", "status"), rows)


def _as_record(message: OutboxMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "reference": message.reference,
        "request_id": message.request_id,
        "kind": message.kind,
        "recipient": _recipient(message),
        "state": message.state,
        "attempts": message.attempt_count,
        "queued_at": message.queued_at,
        "next_attempt_at": message.due_at if message.state == State.PENDING else None,
        "code": message.last_code,
        "error": message.last_error,
    }
