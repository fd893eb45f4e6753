"""Engines for SQLite and PostgreSQL: how a transaction begins and reaches the disk."""

import math
import time
from threading import Lock
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

try:
    from pysqlite3 import dbapi2 as _bundled
except ImportError:  # no wheel for this platform: the system's library, under the safer rule below
    import sqlite3 as _bundled
sqlite_module: ModuleType = _bundled

LOCK_TIMEOUT_MS = 15_000
ASK_AGAIN_MS = 2
TRUSTED = 1.0  # seconds after its use for which a connection is not doubted


# A server or a network that has gone silent is given up after seconds, not after hours.
SILENT_SERVER = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}


class NotDurableError(Exception):
    """The database may forget what it acknowledged; no inquiry is accepted on it."""


def safe_with_wal(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL-reset corruption bug.

    With several writers, 3.7.0 to 3.51.2 may corrupt a WAL database; fixed in
    3.51.3 and, backported, in 3.50.7 and 3.44.6 (sqlite.org, "WAL-reset bug").
    """
    return version >= (3, 51, 3) or any(
        low <= version < high for low, high in (((3, 50, 7), (3, 51, 0)), ((3, 44, 6), (3, 45, 0)))
    )


def sqlite_engine(url: str) -> sa.Engine:
    asked = sa.make_url(url)
    engine = sa.create_engine(
        asked.difference_update_query(["journal_mode"]), module=sqlite_module, hide_parameters=True
    )
    wal = safe_with_wal(sqlite_module.sqlite_version_info)
    wal = wal and asked.query.get("journal_mode") != "delete"
    # Each pair lost nothing when only fsynced writes were replayed; WAL/NORMAL lost all.
    durability = ("WAL", "FULL") if wal else ("DELETE", "EXTRA")

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we emit BEGIN ourselves, see below
        for pragma in (
            f"busy_timeout={LOCK_TIMEOUT_MS}",
            f"journal_mode={durability[0]}",
            f"synchronous={durability[1]}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    turn = Lock()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("deferred", False):
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN").close()
            return
        until = time.monotonic() + LOCK_TIMEOUT_MS / 1000
        mine = turn.acquire(timeout=LOCK_TIMEOUT_MS / 1000)
        connection.info["turn"] = turn if mine else None
        _begin_immediate(connection, until)

    def _end_turn(info: dict[str, Any]) -> None:
        if mine := info.pop("turn", None):
            mine.release()

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def _ends(connection: sa.Connection) -> None:
        if not connection.invalidated:
            _end_turn(connection.info)

    @event.listens_for(engine, "checkin")
    def _is_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        _end_turn(record.info)  # a lost connection ends without either

    return engine


def _begin_immediate(connection: sa.Connection, until: float) -> None:
    """Take SQLite's write lock, at ``time.monotonic()`` ``until`` at the latest.

    IMMEDIATE, because a deferred BEGIN fails when it turns from reading to writing beside
    another writer. SQLite waits for the lock in growing sleeps of up to 100 ms, in no order:
    of 8 visitors who write at once the last waited for a second. So the threads of a process
    take turns, and the one whose turn it is asks each ``ASK_AGAIN_MS``.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout={ASK_AGAIN_MS}").close()
    try:
        while time.monotonic() < until:
            try:
                driver.execute("BEGIN IMMEDIATE").close()
            except sqlite_module.OperationalError as error:
                if "locked" not in str(error):
                    break
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # its error is SQLAlchemy's
    finally:
        driver.execute(f"PRAGMA busy_timeout={LOCK_TIMEOUT_MS}").close()


def postgres_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, hide_parameters=True, connect_args=SILENT_SERVER)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            if cursor.execute("SHOW fsync").fetchone()[0] != "on":
                raise NotDurableError("PostgreSQL runs with fsync=off: it may lose inquiries")
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                cursor.execute("SET synchronous_commit = on")
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _is_still_there(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """As ``pool_pre_ping``, which asks each time: a post would pay for it twice."""
        if time.monotonic() - record.info.get("rests_since", math.inf) < TRUSTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise sa.exc.InvalidatePoolError from None

    return engine
