"""SQLite: copy a database in use, and replace the content of one."""

from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.database import Database
from app.database.engines import sqlite_module
from app.maintenance.backup import read_contents
from app.maintenance.backup_archive import BackupContents, BackupError
from app.outbox import admin

GATE = "restore_in_progress"


def copy(database: Database, target: Path) -> BackupContents:
    """Write a snapshot to ``target``, without deleted data and without blocking writers.

    Raises BackupError.
    """
    with closing(database.engine.raw_connection()) as pooled:
        try:
            _driver(pooled).execute("VACUUM INTO ?", (str(target),))
        except sqlite_module.DatabaseError as error:
            raise BackupError(f"SQLite cannot copy the database: {error}") from None
    verify(target)
    engine = sa.create_engine("sqlite://", creator=lambda: _read_only(target))
    try:
        with engine.connect() as connection:
            return read_contents(connection, database.keys)
    finally:
        engine.dispose()


def verify(payload: Path) -> None:
    """Raise BackupError unless ``payload`` passes SQLite's quick check."""
    try:
        with closing(_read_only(payload)) as connection:
            sound = connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite_module.DatabaseError:
        sound = False
    if not sound:
        raise BackupError("the copy of the database is damaged")


def replace_content(
    database: Database, payload: Path, _contents: BackupContents, reason: str
) -> None:
    """Replace the content of the database by ``payload``, with the outbox paused.

    Pages are copied in one transaction into the same file: processes that have it open
    continue with the new content, and a crash leaves the old content.
    """
    staged = Database(f"sqlite:///{payload}", database.keys)
    with staged.session() as session:
        admin.pause(session, reason, staged.now(session))
    staged.engine.dispose()
    with (
        closing(sqlite_module.connect(payload)) as source,
        closing(database.engine.raw_connection()) as pooled,
    ):
        source.backup(_driver(pooled))


def close_gate(database: Database, seconds: int) -> None:
    """Reject new inquiries for ``seconds``, so that none is lost when the content is replaced.

    Requests answer 503 meanwhile. The replacing content has no gate.
    """
    open_gate(database)
    with database.engine.begin() as connection:
        until = f"CAST(strftime('%s', 'now') AS INTEGER) + {seconds}"
        limit = connection.exec_driver_sql(f"SELECT {until}").scalar()
        connection.exec_driver_sql(
            f"CREATE TRIGGER {GATE} BEFORE INSERT ON inquiry"
            f" WHEN CAST(strftime('%s', 'now') AS INTEGER) < {limit}"
            " BEGIN SELECT RAISE(ABORT, 'a restore is in progress'); END"
        )


def open_gate(database: Database) -> None:
    """Accept inquiries again."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {GATE}")


def _read_only(file: Path) -> Any:
    return sqlite_module.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _driver(pooled: Any) -> Any:
    return pooled.driver_connection
