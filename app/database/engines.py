"""Engines for SQLite and PostgreSQL: how a transaction begins and reaches the disk."""

import time
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

try:
    from pysqlite3 import dbapi2 as _bundled
except ImportError:  # no wheel for this platform: use the system's SQLite if it is safe
    import sqlite3 as _bundled
sqlite_module: ModuleType = _bundled

LOCK_TIMEOUT_MS = 15_000
LOCK_RETRY_MS = 2

# Detect a dead server or network within seconds instead of hours.
CONNECT_ARGS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
SERVER_STATE = (
    "SELECT pg_backend_pid(), current_setting('fsync'), current_setting('synchronous_commit')"
)
LOCAL_SETTINGS = "local_settings"  # of a pooled connection: SQL for the start of a transaction


class NotDurableError(SQLAlchemyError):
    """The database may lose committed data, so it must not accept inquiries."""


def is_wal_safe(version: tuple[int, int, int]) -> bool:
    """Return whether this version of SQLite is free of the WAL-reset bug.

    With several writers, 3.7.0 to 3.51.2 may corrupt a WAL database. Fixed in 3.51.3 and,
    backported, in 3.50.7 and 3.44.6 (sqlite.org, "WAL-reset bug").
    """
    return version >= (3, 51, 3) or any(
        low <= version < high for low, high in (((3, 50, 7), (3, 51, 0)), ((3, 44, 6), (3, 45, 0)))
    )


def sqlite_engine(url: sa.URL) -> sa.Engine:
    """Create an engine that commits durably.

    ``?journal_mode=delete`` in the URL turns WAL off. With the execution option ``deferred`` a
    transaction is read-only and takes no write lock.
    """
    engine = sa.create_engine(
        url.difference_update_query(["journal_mode"]),
        module=sqlite_module,
        hide_parameters=True,
    )
    wal = is_wal_safe(sqlite_module.sqlite_version_info)
    wal = wal and url.query.get("journal_mode") != "delete"
    # In a simulated power cut, neither pair lost a commit; WAL with NORMAL lost all of them.
    journal_mode, synchronous = ("WAL", "FULL") if wal else ("DELETE", "EXTRA")

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions: see `begin`
        for pragma in (
            f"busy_timeout={LOCK_TIMEOUT_MS}",
            f"journal_mode={journal_mode}",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("deferred", False):
            connection.exec_driver_sql("BEGIN")
        else:
            _begin_immediate(connection)

    return engine


def _begin_immediate(connection: sa.Connection) -> None:
    """Take the write lock within LOCK_TIMEOUT_MS. Raises OperationalError if that fails.

    IMMEDIATE, because a deferred transaction fails if another one has written by the time it
    starts to write. SQLite's own busy handler sleeps up to 100 ms between tries, which made the
    slowest of 8 writers wait for a second, so this retries every 2 ms.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_MS / 1000
    driver: Any = connection.connection.driver_connection  # with SQLAlchemy, a try costs 0.2 ms
    driver.execute(f"PRAGMA busy_timeout={LOCK_RETRY_MS}").close()
    try:
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE").close()
            except sqlite_module.OperationalError as error:
                if "locked" not in str(error):
                    break
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises SQLAlchemy's error
    finally:
        driver.execute(f"PRAGMA busy_timeout={LOCK_TIMEOUT_MS}").close()


def postgres_engine(url: sa.URL) -> sa.Engine:
    """Create an engine that raises NotDurableError on connecting to a server without fsync.

    A pooler such as PgBouncer may run each transaction on another of its connections to the
    server. So through one, no statement is prepared, and a transaction makes its own settings.
    """
    engine = sa.create_engine(
        url, hide_parameters=True, connect_args=CONNECT_ARGS, pool_pre_ping=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        process, fsync, synchronous_commit = connection.execute(SERVER_STATE).fetchone()
        if fsync != "on":
            raise NotDurableError("PostgreSQL runs with fsync=off: it may lose inquiries")
        settings = [f"lock_timeout = '{LOCK_TIMEOUT_MS}ms'"]
        if synchronous_commit == "off":
            settings.append("synchronous_commit = on")
        # A pooler cannot know which process of the server will run a transaction.
        if process == connection.info.backend_pid:
            connection.execute("; ".join(f"SET {setting}" for setting in settings))
        else:
            connection.prepare_threshold = None
            record.info[LOCAL_SETTINGS] = "; ".join(f"SET LOCAL {setting}" for setting in settings)
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        autocommit = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if uses_pooler(connection) and not autocommit:
            connection.exec_driver_sql(connection.info[LOCAL_SETTINGS])

    return engine


def uses_pooler(connection: sa.Connection) -> bool:
    """Return whether a pooler is between us and PostgreSQL."""
    return LOCAL_SETTINGS in connection.info
