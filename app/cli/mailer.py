"""``flask mailer run``: the process that sends mail and runs the scheduled jobs."""

import fcntl
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import click
from flask.cli import AppGroup

from app import jobs, startup_checks
from app.apprise_client import AppriseClient
from app.clinic import ClinicError
from app.database import Database
from app.database.key_check_values import MissingKeyError
from app.mail import build_transport
from app.outbox import queue
from app.outbox.heartbeat import Heartbeat
from app.outbox.models import Kind
from app.outbox.receivers import AppriseReceiver, ReceiverWorker, Send, WebhookReceiver
from app.outbox.signals import SignalHandler
from app.outbox.worker import Mailer
from app.scheduler import Scheduler
from app.services import Services, current_services

log = logging.getLogger("frontdesk.mailer")

STOP_TIMEOUT = 10.0  # seconds for a notification or webhook in progress; the longest takes 5
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


mailer = AppGroup("mailer", help="Send the messages in the outbox.")


def _valid_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name and not NAME_PATTERN.fullmatch(name):
        raise click.BadParameter("use at most 60 letters, digits, dots, dashes and underscores")
    return name


@mailer.command(epilog="Example: flask mailer run --name one")
@click.option("--once", is_flag=True, help="Stop when no message is due.")
@click.option(
    "--name",
    callback=_valid_name,
    help="A name to keep at every start. What a killed mailer of this name was sending is sent"
    " again at once instead of after 15 minutes.",
)
def run(once: bool, name: str | None) -> None:  # noqa: FBT001
    """Send messages and run the scheduled jobs until SIGTERM.

    Any number of mailers can run, on any number of hosts. Those on one host need different
    names, or none.
    """
    signal_handler = SignalHandler()
    signal_handler.install()
    database = current_services().database
    database_answers = startup_checks.check(database)
    host = socket.gethostname()[:40]
    if name is None:
        _run_mailer(database, signal_handler, f"{host}-{os.getpid()}", once=once)
        return
    owner = f"{host}-{name}"
    with _lock(owner, current_services().settings.instance_dir):
        if database_answers:
            _release_leases(database, owner)
        _run_mailer(database, signal_handler, owner, once=once)


def _run_mailer(
    database: Database, signal_handler: SignalHandler, owner: str, *, once: bool
) -> None:
    services = current_services()
    worker = Mailer(
        database,
        build_transport(services.settings, services.clinic),
        owner=owner,
        fallback=services.clinic.fallback_mailbox,
        signal_handler=signal_handler,
    )
    others = _receiver_workers(services, owner, signal_handler)
    if once:
        for each in (worker, *others):
            each.run(once=True)
        return
    log.info("mailer %s starts", owner)
    scheduled = jobs.scheduled_jobs(
        services.settings, services.clinic, database, services.inquiries
    )
    scheduler = Scheduler(database, Heartbeat(database, owner), scheduled)
    threads = [Thread(target=_run_in_thread, args=(other,), daemon=True) for other in others]
    for thread in (scheduler, *threads):
        thread.start()
    worker.run()
    for thread in threads:
        thread.join(STOP_TIMEOUT)
    scheduler.stop()
    log.info("mailer %s stops", owner)


def _receiver_workers(
    services: Services, owner: str, signal_handler: SignalHandler
) -> list[ReceiverWorker]:
    """The senders of notifications and webhooks, to the receivers in clinic.toml."""
    clinic = services.clinic
    receivers: dict[Kind, dict[str, Send]] = {
        Kind.NOTIFY: _apprise_receivers(services),
        Kind.WEBHOOK: {
            receiver.key: WebhookReceiver(
                receiver.url.get_secret_value(), receiver.secret.get_secret_value()
            )
            for receiver in clinic.webhooks
        },
    }
    return [
        ReceiverWorker(services.database, kind, targets, owner=owner, signal_handler=signal_handler)
        for kind, targets in receivers.items()
    ]


def _apprise_receivers(services: Services) -> dict[str, Send]:
    """Raises ClinicError if Apprise cannot use an address."""
    if not services.clinic.notify:
        return {}
    receivers: dict[str, Send] = {}
    client = AppriseClient(services.settings.site_url)
    for notify in services.clinic.notify:
        url = notify.url.get_secret_value()
        if client.service_name(url) is None:
            raise ClinicError(f"clinic.toml: notify {notify.key}: Apprise cannot use its address")
        receivers[notify.key] = AppriseReceiver(client, url)
    return receivers


def _run_in_thread(worker: ReceiverWorker) -> None:
    """Run ``worker``. If it fails, the whole process stops, so that it is started again."""
    try:
        worker.run()
    except Exception as error:  # noqa: BLE001
        log.error("%s", error if isinstance(error, MissingKeyError) else type(error).__name__)
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _lock(owner: str, folder: Path) -> Iterator[None]:
    """Let only one process on this host be the mailer ``owner``. Raises ClickException.

    A mailer releases the leases of its name when it starts. If another process with that name
    were running, the message it is sending would be sent twice. The operating system releases
    the lock however the process ends.
    """
    with (folder / f"mailer-{owner}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(
                f"the mailer {owner} is already running. Choose another --name"
            ) from None
        yield


def _release_leases(database: Database, owner: str) -> None:
    """Make the messages due that a killed mailer ``owner`` was sending."""
    with database.session() as session:
        count = queue.release_leases(session, owner, database.now(session))
    if count:
        log.warning("released leases of an earlier mailer %s: %d", owner, count)
