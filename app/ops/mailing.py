"""What a mailer does, whoever starts it: ``flask mailer run``, or the guardian beside the web."""

import logging

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.clinic import current_clinic
from app.db import current_database
from app.ops import duties, start
from app.ops.chores import Chores
from app.outbox import queue, smtp
from app.outbox.guardian import Work
from app.outbox.heartbeat import Heartbeat
from app.outbox.interrupt import Interrupts
from app.outbox.worker import Mailer

log = logging.getLogger("frontdesk.mailer")


def send(owner: str, *, parent: int | None = None, once: bool = False) -> None:
    """Send what is due, and do the chores, until told to stop or until the process
    ``parent`` is gone; with ``once`` until nothing is due. In the main thread.
    """
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


def release(owner: str) -> int:
    """Make the messages held by the dead mailer ``owner`` due at once; how many there were."""
    database = current_database()
    with database.session() as session:
        return queue.release_owner(session, owner, database.now(session))


def beside_web(app: Flask) -> Work:
    """The same for the guardian: in processes forked from one that has loaded ``app``."""

    def run(owner: str, parent: int) -> None:
        with app.app_context():
            try:
                start.check(current_database())
            except start.StartError as error:
                log.error("%s", error)
                raise SystemExit(1) from None
            send(owner, parent=parent)

    def release_owner(owner: str) -> None:
        with app.app_context():
            try:
                release(owner)
            except SQLAlchemyError as error:
                log.error("the database does not answer: %s", type(error).__name__)
                raise SystemExit(1) from None

    return Work(run, release_owner)
