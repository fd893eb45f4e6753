"""Checks before a web server or mailer starts: all keys are there, the schema is not newer.

A database that does not answer or is not migrated yet does not prevent the start: pages are
shown, posts get 503, and a mailer waits for the database.
"""

import logging

from sqlalchemy.exc import SQLAlchemyError

from app.database import Database, key_check_values
from app.database.key_check_values import MissingKeyError
from app.database.revisions import UnknownRevisionError, get_revision, require_known_revision

log = logging.getLogger("frontdesk.startup")


class StartupError(Exception):
    """This process must not start. The message is one line for the operator."""


def check(database: Database) -> bool:
    """Raise StartupError if a check fails. Return False if the database does not answer."""
    try:
        with database.read_session() as session:
            require_known_revision(get_revision(session.connection()))
        key_check_values.register_newest_key(database)
    except (MissingKeyError, UnknownRevisionError) as error:
        raise StartupError(f"Not started: {error}") from None
    except SQLAlchemyError as error:
        log.debug("keys not checked: the database does not answer (%s)", type(error).__name__)
        return False
    finally:
        database.engine.dispose()  # a forked worker must not inherit a connection
    return True
