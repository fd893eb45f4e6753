"""``flask outbox``: what waits, what is stuck and why."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.cli.outbox_format import as_data, describe, message_as_data
from app.cli.output import show_table
from app.database import Database
from app.encryption import UnknownKeyError
from app.outbox import admin, circuit_breaker
from app.outbox.models import (
    DeliveryAttempt,
    MailTransportState,
    OutboxMessage,
    OutboxPause,
    OutgoingEmail,
    State,
)
from app.services import current_services

MOST = "At most so many, newest first."
UNFINISHED = (State.PENDING, State.SENDING, State.DEAD)


@click.group()
def outbox() -> None:
    """Look at the outbox and mend it."""


@outbox.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Delivered and cancelled ones too.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help=MOST)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def list_messages(everything: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """What is not delivered yet, and why. No words of visitors.

    \b
    Example:
      flask --app wsgi outbox list
    """  # noqa: D301  (click's own mark: the lines below it are not wrapped)
    database = current_services().database
    query = sa.select(OutboxMessage).order_by(OutboxMessage.created_at.desc()).limit(limit)
    if not everything:
        query = query.where(OutboxMessage.state.in_(UNFINISHED))
    with database.read_session() as session:
        messages = session.scalars(query).all()
        held, relay = admin.current_pause(session), circuit_breaker.transport_state(session)
    if as_json:
        click.echo(json.dumps(as_data(messages, held, relay, partial(recipient, database))))
        return
    _tell_hold(held)
    _tell_relay(relay)
    rows = [
        (
            str(one.id)[:8],
            one.reference,
            recipient(database, one),
            one.attempts,
            describe(one, local_time),
        )
        for one in messages
    ]
    show_table(("message", "reference", "to", "tries", "state and why"), rows)


@outbox.command(epilog="Example: flask --app wsgi outbox show 5f0c2a71")
@click.argument("message")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def show(message: str, as_json: bool) -> None:  # noqa: FBT001
    """One message (its id, or the start of it) with every attempt."""
    database = current_services().database
    with database.read_session() as session:
        found = _find(session, message)
        attempts = session.scalars(
            sa.select(DeliveryAttempt)
            .where(DeliveryAttempt.message_id == found.id)
            .order_by(DeliveryAttempt.id)
        ).all()
    if as_json:
        told = message_as_data(found, recipient(database, found), attempts)
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"Message-ID: {found.message_id}\nAbout: {found.reference}\nState: {found.state}")
    click.echo(f"To: {recipient(database, found)}\nQueued: {local_time(found.queued_at)}")
    if found.request_id:
        click.echo(f"Request: {found.request_id}")
    rows = [
        (
            local_time(a.started_at),
            local_time(a.ended_at),
            a.owner,
            a.outcome,
            a.code or "",
            a.transport_reply or "",
        )
        for a in attempts
    ]
    show_table(("started", "ended", "mailer", "outcome", "code", "reply"), rows)


@outbox.command(epilog="Example: flask --app wsgi outbox requeue 5f0c2a71")
@click.argument("message")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def requeue(message: str, yes: bool) -> None:  # noqa: FBT001
    """Send a dead, cancelled or waiting message again, now."""
    _change(message, admin.requeue, "Send it again now?", ask=not yes)


@outbox.command(epilog="Example: flask --app wsgi outbox cancel 5f0c2a71")
@click.argument("message")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def cancel(message: str, yes: bool) -> None:  # noqa: FBT001
    """Never send a message that waits or is dead. The inquiry itself stays."""
    _change(message, admin.cancel, "Never send it?", ask=not yes)


def _change(prefix: str, act: admin.Action, question: str, *, ask: bool) -> None:
    database = current_services().database
    with database.read_session() as session:
        found = _find(session, prefix)
    click.echo(f"{found.reference} to {recipient(database, found)}: {describe(found, local_time)}")
    if ask:
        click.confirm(question, abort=True)
    with database.session() as session:
        done = act(session, found.id, database.now(session))
    if not done:
        state = found.state if found.encrypted_message != admin.REDACTED else "erased"
        raise click.ClickException(f"not possible while it is {state}; nothing changed")
    click.echo("done")


def _find(session: Session, prefix: str) -> OutboxMessage:
    text = prefix.replace("-", "").lower()
    try:
        low, high = UUID(text.ljust(32, "0")), UUID(text.ljust(32, "f"))
    except ValueError:
        raise click.ClickException(f"{prefix!r} is no message id") from None
    within = OutboxMessage.id.between(low, high)
    found: Sequence[OutboxMessage] = session.scalars(sa.select(OutboxMessage).where(within)).all()
    if len(found) != 1:
        raise click.ClickException(f"{len(found)} messages start with {prefix!r}")
    return found[0]


def recipient(database: Database, message: OutboxMessage) -> str:
    """Whom ``message`` is for, as far as can still be known."""
    if not message.encrypted_message:
        return "(delivered)" if message.state == State.DELIVERED else "(erased)"
    if message.is_acknowledgement:
        return "(the visitor)"
    try:
        return OutgoingEmail.from_json(database.keys.decrypt(message.encrypted_message)).recipient
    except UnknownKeyError:
        return "(sealed with an unknown key)"


def _tell_hold(on: OutboxPause | None) -> None:
    if on:
        click.echo(
            f"The outbox is on hold since {local_time(on.since)} ({on.reason}): nothing is sent"
            " until `flask outbox resume`.\n"
        )


def _tell_relay(relay: MailTransportState | None) -> None:
    if relay and relay.down_since and relay.probe_at:
        click.echo(
            f"The mail relay is down since {local_time(relay.down_since)} ({relay.reason});"
            f" next try {local_time(relay.probe_at)}. Nothing is lost.\n"
        )


def local_time(moment: datetime | None) -> str:
    """``moment`` on the clinic's clock."""
    zone = current_services().clinic.zone
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
