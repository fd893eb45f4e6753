"""Remove deleted data from the files of the database.

SQLite overwrites what it deletes (``secure_delete``), but in WAL mode old pages stay in the
-wal file until a checkpoint truncates it. PostgreSQL keeps old row versions until VACUUM
allows their space to be reused.
"""

import logging
import time
from contextlib import closing

from sqlalchemy.exc import DBAPIError

from app.database import Database
from app.database.engines import sqlite_module

log = logging.getLogger("frontdesk.retention")

TABLES = (
    "inquiry, inquiry_note, inquiry_search_key, outbox_message, delivery_attempt,"
    " acknowledgement_limit, audit_event"
)
MAX_TRIES = 20
PAUSE_SECONDS = 0.1  # a reader keeps the -wal file in use for about that long


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
    # A checkpoint that waits for a reader blocks writers, so it must not wait long.
    with closing(sqlite_module.connect(database.engine.url.database, timeout=0.05)) as connection:
        for _ in range(MAX_TRIES):
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(PAUSE_SECONDS)
