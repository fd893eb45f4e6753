"""SQLite: copy a database in use, and replace the content of one."""

from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.database import Database
from app.database.engines import sqlite_module
from app.maintenance.backup import RESTORE_GUARD, read_contents
from app.maintenance.backup_archive import BackupContents, BackupError
from app.outbox import admin


def copy(database: Database, target: Path) -> BackupContents:
    """Write a snapshot to ``target``, without deleted data and without blocking writers.

    Raises BackupError.
    """
    with closing(database.engine.raw_connection()) as pooled:
        try:
            driver: Any = pooled.driver_connection
            driver.execute("VACUUM INTO ?", (str(target),))
        except sqlite_module.DatabaseError as error:
            raise BackupError(f"SQLite cannot copy the database: {error}") from None
    copied = Database(_url(target), database.keys)
    try:
        with copied.session() as session:  # a backup made during a restore must not block inquiries
            session.connection().exec_driver_sql(f"DROP TRIGGER IF EXISTS {RESTORE_GUARD}")
        with copied.read_session() as session:
            if session.connection().exec_driver_sql("PRAGMA quick_check").scalar() != "ok":
                raise BackupError("the copy of the database is damaged")
            return read_contents(session)
    finally:
        copied.engine.dispose()


def replace_content(
    database: Database, payload: Path, _contents: BackupContents, reason: str
) -> None:
    """Replace the content of the database by ``payload``, with the outbox paused.

    Pages are copied in one transaction into the same file: processes that have it open
    continue with the new content, and a crash leaves the old content.
    """
    staged = Database(_url(payload), database.keys)
    with staged.session() as session:
        admin.pause(session, reason, staged.now(session))
    staged.engine.dispose()
    with (
        closing(sqlite_module.connect(payload)) as source,
        closing(database.engine.raw_connection()) as pooled,
    ):
        source.backup(pooled.driver_connection)


def _url(file: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=str(file))
