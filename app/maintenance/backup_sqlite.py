"""SQLite: a consistent copy beside live traffic, and one that takes a live database's place."""

from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.database import Database
from app.database.engines import sqlite_module
from app.maintenance.backup_archive import BackupContents, BackupError
from app.maintenance.backup_facts import contents_of
from app.outbox import admin

GATE = "restore_under_way"


def copy(database: Database, target: Path) -> BackupContents:
    """Write a copy of one moment into ``target``; what was erased is not in it.

    In WAL mode nobody waits for it. Raises BackupError.
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
            return contents_of(connection, database.keys)
    finally:
        engine.dispose()


def verify(payload: Path) -> None:
    """Return when ``payload`` is a sound database. Raises BackupError."""
    try:
        with closing(_read_only(payload)) as connection:
            sound = connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite_module.DatabaseError:
        sound = False
    if not sound:
        raise BackupError("the copy of the database is damaged")


def put_in_place(database: Database, payload: Path, _facts: BackupContents, reason: str) -> None:
    """Let ``payload``, put on hold, become the content of the database.

    Page by page, in one transaction and in the same file: processes that have it
    open go on with the new content, and a crash leaves the old one.
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
    """Let no inquiry in for so long: posts answer 503, so nobody is told "received" by
    a database that is about to be replaced. The replacement knows no gate.
    """
    open_gate(database)
    with database.engine.begin() as connection:
        until = f"CAST(strftime('%s', 'now') AS INTEGER) + {seconds}"
        limit = connection.exec_driver_sql(f"SELECT {until}").scalar()
        connection.exec_driver_sql(
            f"CREATE TRIGGER {GATE} BEFORE INSERT ON inquiry"
            f" WHEN CAST(strftime('%s', 'now') AS INTEGER) < {limit}"
            " BEGIN SELECT RAISE(ABORT, 'a restore is under way'); END"
        )


def open_gate(database: Database) -> None:
    """Let inquiries in again."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {GATE}")


def _read_only(file: Path) -> Any:
    return sqlite_module.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _driver(pooled: Any) -> Any:
    return pooled.driver_connection
