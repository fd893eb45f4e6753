"""After erasing: nothing of what is gone stays in the database's files.

SQLite overwrites what it deletes (``secure_delete``), but in WAL mode the old
pages stay in the -wal file until a checkpoint empties it. PostgreSQL keeps old
row versions until VACUUM makes their room free to be written over.
"""

import logging
import time
from typing import Any

from sqlalchemy.exc import DBAPIError

from app.database import Database

log = logging.getLogger("frontdesk.retention")

TABLES = "inquiry, outbox_message, delivery_attempt, acknowledgement"
TRIES, PAUSE = 20, 0.1  # seconds; a reader under way keeps the -wal file for so long


def purge_deleted(database: Database) -> bool:
    """Empty the -wal file, or vacuum. False when somebody was in the way all the time:
    the next run, or any quiet moment, does it.
    """
    try:
        if database.engine.dialect.name == "sqlite":
            return _empty_wal(database)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            session.exec_driver_sql(f"VACUUM {TABLES}")
    except DBAPIError as error:
        log.warning("traces of erased words not wiped yet: %s", type(error).__name__)
        return False
    return True


def _empty_wal(database: Database) -> bool:
    pooled = database.engine.raw_connection()
    connection = pooled.driver_connection
    assert connection is not None
    try:
        # A checkpoint that waits for a reader lets no writer pass: it must not wait long.
        before = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        connection.execute("PRAGMA busy_timeout=50")
        try:
            return any(_checkpoint(connection) for _ in range(TRIES))
        finally:
            connection.execute(f"PRAGMA busy_timeout={before}")
    finally:
        pooled.close()


def _checkpoint(connection: Any) -> bool:
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        time.sleep(PAUSE)
    return not busy
