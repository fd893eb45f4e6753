"""The database: one engine, short transactions, durable commits.

SQLite and PostgreSQL run the same statements. What differs stands in this
file alone: how a transaction begins, how a commit reaches the disk, and whose
clock is asked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from app import clock
from app.crypto import KeyRing

try:
    from pysqlite3 import dbapi2 as _bundled
except ImportError:  # no wheel for this platform: the system's library, under the safer rule below
    import sqlite3 as _bundled
sqlite_module: ModuleType = _bundled

LOCK_TIMEOUT_MS = 15_000
ASK_AGAIN_MS = 2


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


class Base(DeclarativeBase):
    """All records. Constraints are named once here, so that migrations stay stable."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes go in, aware UTC comes back (SQLite drops the zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Database:
    """The engine, the keys that open sealed columns, and the two kinds of transaction."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.keys = keys
        self.engine = _sqlite_engine(url) if url.startswith("sqlite") else _postgres_engine(url)
        self._reading = self.engine.execution_options(deferred=True)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits on leaving; when this returns, the rows are on disk."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction for looking only; on SQLite it takes no write lock."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    def now(self, session: Session) -> datetime:
        """The time that decides when rows are due: PostgreSQL's own clock, so that
        hosts with skewed clocks agree; on SQLite there is but one host.
        """
        if self.engine.dialect.name == "sqlite":
            return clock.now()
        here: datetime = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return here.astimezone(UTC)


def current_database() -> Database:
    """The database of the running application."""
    database = current_app.extensions["database"]
    assert isinstance(database, Database)
    return database


def safe_with_wal(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL-reset corruption bug.

    With several writers, 3.7.0 to 3.51.2 may corrupt a WAL database; fixed in
    3.51.3 and, backported, in 3.50.7 and 3.44.6 (sqlite.org, "WAL-reset bug").
    """
    return version >= (3, 51, 3) or any(
        low <= version < high for low, high in (((3, 50, 7), (3, 51, 0)), ((3, 44, 6), (3, 45, 0)))
    )


def _sqlite_engine(url: str) -> sa.Engine:
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
            connection.exec_driver_sql("BEGIN")
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


def _postgres_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(
        url, pool_pre_ping=True, hide_parameters=True, connect_args=SILENT_SERVER
    )

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

    return engine
