"""``flask mailer``: the process that sends."""

import os
import socket

import click
from flask.cli import with_appcontext

from app.db import current_database
from app.ops import mailing, start


@click.group()
def mailer() -> None:
    """Send what waits in the outbox."""


@mailer.command(epilog="Example: flask --app wsgi mailer run")
@click.option("--once", is_flag=True, help="End when nothing is due any more.")
@click.option("--owner", default="", help="The name in leases; host and process id by default.")
@click.option("--parent", type=int, help="End when the process with this id is gone.")
@with_appcontext
def run(once: bool, owner: str, parent: int | None) -> None:  # noqa: FBT001
    """Send what is due, until told to stop.

    Run as many as you like, on as many hosts as you like.
    """
    start.check_for_command(current_database())
    owner = owner or f"{socket.gethostname()[:40]}-{os.getpid()}"
    mailing.send(owner, parent=parent, once=once)


@mailer.command(epilog="Example: flask --app wsgi mailer release one-5f0c2a71")
@click.argument("owner")
@with_appcontext
def release(owner: str) -> None:
    """Make the messages held by the dead mailer OWNER due at once."""
    click.echo(f"{mailing.release(owner)} released")
