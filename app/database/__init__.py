"""The database: one engine, short transactions, durable commits.

SQLite and PostgreSQL run the same statements. They differ in how a transaction begins and
reaches the disk (``engines``) and in whose clock decides when rows are due (``Database.now``).
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from app import clock
from app.database.engines import NotDurableError, postgres_engine, sqlite_engine
from app.encryption import KeyRing


class Base(DeclarativeBase):
    """The base of all models. Its naming convention keeps migrations stable."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def error_line(error: SQLAlchemyError) -> str:
    """Return the first line of a database error. The statement and other lines may quote a row."""
    text = str(error.orig) if isinstance(error, DBAPIError) else ""
    if isinstance(error, NotDurableError):
        text = str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200]


class UTCDateTime(TypeDecorator[datetime]):
    """Stores aware datetimes and returns them in UTC, also on SQLite, which drops the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


POSTGRES_NOW = sa.select(sa.func.clock_timestamp(type_=UTCDateTime))
# Read-only transactions: on SQLite they take no write lock, on PostgreSQL they need no
# BEGIN and ROLLBACK (each statement sees what is committed, as in READ COMMITTED).
READ_ONLY: dict[str, dict[str, Any]] = {
    "sqlite": {"deferred": True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}


class Database:
    """The engine, its sessions, and the keys for encrypted columns."""

    def __init__(self, url: str | sa.URL, keys: KeyRing) -> None:
        self.keys = keys
        url = sa.make_url(url)
        sqlite = url.get_backend_name() == "sqlite"
        self.engine = sqlite_engine(url) if sqlite else postgres_engine(url)
        read_only = self.engine.execution_options(**READ_ONLY[self.engine.dialect.name])
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._read_sessions = sessionmaker(read_only, expire_on_commit=False)

    @property
    def folder(self) -> Path | None:
        """The folder of an SQLite database; None for PostgreSQL."""
        url = self.engine.url
        return Path(url.database or "").parent if url.drivername == "sqlite" else None

    def session(self) -> AbstractContextManager[Session]:
        """Open a session that commits at the end of its ``with`` block, durably."""
        return self._sessions.begin()

    def read_session(self) -> Session:
        """Open a session for queries only, for use in a ``with`` block."""
        return self._read_sessions()

    def now(self, session: Session) -> datetime:
        """Return the time that decides when rows are due.

        It is PostgreSQL's own clock, so that hosts with skewed clocks agree; SQLite has one host.
        """
        if self.engine.dialect.name == "sqlite":
            return clock.now()
        now: datetime = session.connection().execute(POSTGRES_NOW).scalar_one()
        return now
