"""``flask outbox hold`` and ``release``: nothing is sent until a person has looked."""

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from app.cli.outbox import local_time, outbox, recipient
from app.cli.output import show_table
from app.outbox import admin
from app.outbox.models import OutboxMessage
from app.services import current_services

MOST_SHOWN = 50


@outbox.command(epilog="Example: flask --app wsgi outbox pause")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def pause(yes: bool) -> None:  # noqa: FBT001
    """Send nothing until `outbox resume`. Inquiries are taken all the same."""
    database = current_services().database
    if not yes:
        click.confirm("Send nothing more until it is released?", abort=True)
    with database.session() as session:
        admin.pause(session, "by hand", database.now(session))
    click.echo("on hold")


@outbox.command(epilog="Example: flask --app wsgi outbox resume")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def resume(yes: bool) -> None:  # noqa: FBT001
    """Let mail go out again, after a restore. Shows what would be sent, and asks.

    What has arrived long ago: `outbox cancel` it first.
    """
    database = current_services().database
    with database.read_session() as session:
        on = admin.current_pause(session)
        if on is None:
            raise click.ClickException("the outbox is not on hold; nothing changed")
        waiting = sa.select(OutboxMessage).where(OutboxMessage.due_at.is_not(None))
        messages = session.scalars(waiting.order_by(OutboxMessage.queued_at)).all()
        rows = [
            (str(one.id)[:8], one.reference, recipient(database, one), local_time(one.queued_at))
            for one in messages[:MOST_SHOWN]
        ]
    click.echo(f"On hold since {local_time(on.since)}: {on.reason}. Mails that would go out:\n")
    show_table(("message", "reference", "to", "queued"), rows)
    if len(messages) > MOST_SHOWN:
        click.echo(f"… and {len(messages) - MOST_SHOWN} more")
    if not yes:
        click.confirm(f"\nSend {_mails(len(messages))}, and go on as usual?", abort=True)
    with database.session() as session:
        admin.resume(session)
    click.echo("released")


def _mails(count: int) -> str:
    return "this mail" if count == 1 else f"these {count} mails"
