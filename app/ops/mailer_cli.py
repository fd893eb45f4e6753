"""``flask mailer``: the process that sends."""

import logging
import os
import socket

import click
from flask.cli import with_appcontext

from app.clinic import current_clinic
from app.db import current_database
from app.ops import duties, start
from app.ops.chores import Chores
from app.outbox import queue, smtp
from app.outbox.heartbeat import Heartbeat
from app.outbox.interrupt import Interrupts
from app.outbox.worker import Mailer

log = logging.getLogger("frontdesk.mailer")


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
    interrupts = Interrupts()
    interrupts.install()
    database, clinic = current_database(), current_clinic()
    fallback = clinic.fallback_mailbox
    mailer = Mailer(database, smtp.send, owner=owner, fallback=fallback, interrupts=interrupts)
    if once:
        mailer.run(once=True)
        return
    log.info("mailer %s starts", owner)
    todo = duties.chores(duties.current_settings(), clinic, database)
    chores = Chores(database, Heartbeat(database, owner), todo, parent=parent)
    chores.start()
    mailer.run()
    chores.stop()
    log.info("mailer %s ends", owner)


@mailer.command(epilog="Example: flask --app wsgi mailer release one-5f0c2a71")
@click.argument("owner")
@with_appcontext
def release(owner: str) -> None:
    """Make the messages held by the dead mailer OWNER due at once."""
    database = current_database()
    with database.write() as session:
        count = queue.release_owner(session, owner, database.now(session))
    click.echo(f"{count} released")
