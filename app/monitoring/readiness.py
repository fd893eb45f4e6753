"""Whether an inquiry can be stored now: the schema, the keys, the disk and a test write."""

import logging
import shutil
import threading
import time
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry, new_reference
from app.database import Database, error_line, key_check_values
from app.database.revisions import get_revision, schema_problem, table_problem
from app.encryption import UnknownKeyError
from app.maintenance import audit_log  # noqa: F401  (adds a table)
from app.monitoring import alerts  # noqa: F401  (adds a table)

log = logging.getLogger("frontdesk.readiness")

INTERVAL = 5.0  # seconds between two checks, however often a process is asked
MIN_FREE = 5_000_000  # bytes on the disk of the database
# PostgreSQL does not say how much of its disk is free, and one more row may fit into a page that
# it has already. So it sorts MIN_FREE bytes in a temporary file on that disk, which takes 15 ms.
USE_DATABASE_DISK = sa.text(  # until the end of the transaction
    "SELECT set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)"
)
ROW_SIZE = 10_000  # bytes
SORT = sa.text(
    "SELECT count(content) FROM (SELECT repeat('x', :size) AS content"
    " FROM generate_series(1, :rows) AS number ORDER BY number DESC) AS sorted"
)


class Readiness:
    """The result of ``find_problem``, for all threads of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._next_check = 0.0
        self._problem: str | None = "not checked yet"

    def problem(self) -> str | None:
        """Return why no inquiry can be stored, or None. While one thread waits for a database
        that hangs, the others get the last result, if there is one.
        """
        is_first = self._next_check == 0.0
        if time.monotonic() >= self._next_check and self._lock.acquire(blocking=is_first):
            try:
                problem = find_problem(self._database)
                if problem and problem != self._problem:
                    log.error("no inquiry can be stored: %s", problem)
                self._problem = problem
                self._next_check = time.monotonic() + INTERVAL
            finally:
                self._lock.release()
        return self._problem


def find_problem(database: Database) -> str | None:
    """Check everything that storing an inquiry needs. Return the first problem, or None."""
    try:
        with database.read_session() as session:
            connection = session.connection()
            problem = schema_problem(get_revision(connection)) or table_problem(connection)
            if not problem:
                key_check_values.check_keys(session, database.keys)
    except UnknownKeyError:
        return "a key is missing from ENCRYPTION_KEYS"
    except SQLAlchemyError:
        return "the database does not answer"
    return problem or write_problem(database)


def write_problem(database: Database) -> str | None:
    """Insert an empty inquiry and roll back. Return why that is impossible, or None.

    A rolled-back insert needs no space on SQLite and little on PostgreSQL: the free space is
    checked too.
    """
    try:
        if database.folder and shutil.disk_usage(database.folder).free < MIN_FREE:
            return f"the disk of {database.folder} is full"
        with database.session() as session:
            values = {"id": uuid4(), "reference": new_reference(), "created_at": clock.now()}
            values |= {"state": "received", "topic": "", "content_digest": b""}
            row = sa.insert(Inquiry).values(encrypted_content=b"", **values)
            inserted = session.connection().scalar(row.returning(Inquiry.id))
            if not database.folder:
                _use_disk(session)
            session.rollback()
    except (SQLAlchemyError, OSError) as error:
        line = error_line(error) if isinstance(error, SQLAlchemyError) else str(error)
        return f"the database cannot be written: {line}"
    return None if inserted else "the database ignores what is written"


def _use_disk(session: Session) -> None:
    """Raise SQLAlchemyError unless PostgreSQL can write MIN_FREE bytes to the database's disk."""
    session.execute(USE_DATABASE_DISK)
    session.execute(SORT, {"size": ROW_SIZE, "rows": MIN_FREE // ROW_SIZE})
