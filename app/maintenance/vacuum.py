"""Remove deleted data from the files of the database.

SQLite overwrites what it deletes (``secure_delete``), but in WAL mode old pages stay in the
-wal file until a checkpoint truncates it. PostgreSQL keeps old row versions until VACUUM
allows their space to be reused.
"""

import logging
import time
from contextlib import closing
from typing import Any

from sqlalchemy.exc import DBAPIError

from app.database import Database
from app.database.engines import sqlite_module

log = logging.getLogger("frontdesk.retention")

TABLES = "inquiry, outbox_message, delivery_attempt, acknowledgement"
TRIES, PAUSE = 20, 0.1  # seconds; a reader keeps the -wal file in use for about that long


def purge_deleted(database: Database) -> None:
    """Truncate the -wal file, or run VACUUM. If other connections prevent it, a later run
    catches up.
    """
    try:
        if database.engine.dialect.name == "sqlite":
            _truncate_wal(database)
            return
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            session.exec_driver_sql(f"VACUUM {TABLES}")
    except (DBAPIError, sqlite_module.DatabaseError) as error:
        log.warning("deleted data is not purged yet: %s", type(error).__name__)


def _truncate_wal(database: Database) -> None:
    with closing(database.engine.raw_connection()) as pooled:
        connection: Any = pooled.driver_connection
        (timeout,) = connection.execute("PRAGMA busy_timeout").fetchone()
        # A checkpoint that waits for a reader blocks writers, so it must not wait long.
        connection.execute("PRAGMA busy_timeout=50")
        try:
            for _ in range(TRIES):
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
                time.sleep(PAUSE)
        finally:
            connection.execute(f"PRAGMA busy_timeout={timeout}")
