"""What must hold before a process serves or sends: no key missing, no newer database.

One small query. A database that does not answer yet, or is not migrated yet, is
no reason not to start: pages are shown, posts say 503, and the mailer, which
waits for the database, looks again.
"""

import logging

import click
from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.database.engines import NotDurableError
from app.database.revisions import UnknownRevisionError, require_known_revision, revision_of
from app.maintenance import encryption_keys
from app.maintenance.encryption_keys import MissingKeyError

log = logging.getLogger("frontdesk.startup")


class StartupError(Exception):
    """This process must not start; the message is one clear line."""


def check(database: Database) -> bool:
    """Raises StartupError. False when the database could not be asked."""
    try:
        with database.read_session() as session:
            require_known_revision(revision_of(session.connection()))
        encryption_keys.register_newest_key(database)
    except (MissingKeyError, UnknownRevisionError) as error:
        raise StartupError(f"Not started: {error}") from None
    except (SQLAlchemyError, NotDurableError) as error:
        log.debug("keys not checked yet: the database does not answer (%s)", type(error).__name__)
        return False
    finally:
        database.engine.dispose()  # no connection is carried over a fork, none left at the end
    return True


def check_for_command(database: Database) -> None:
    """The same, in a command: it ends with the one line."""
    try:
        check(database)
    except StartupError as error:
        raise click.ClickException(str(error)) from None
