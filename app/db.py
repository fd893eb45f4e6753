"""The database: one engine, short transactions, durable commits.

SQLite and PostgreSQL run the same statements. What differs stands in ``engines`` (how a
transaction begins and reaches the disk) and here: whose clock is asked.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from app import clock
from app.crypto import KeyRing
from app.engines import postgres_engine, sqlite_engine


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


class ServersClock(sa.FunctionElement[datetime]):
    """In a statement: the time by the database server's clock, NULL where there is no server."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(ServersClock)
def _server(*_: Any, **_more: Any) -> str:
    return "clock_timestamp()"


@compiles(ServersClock, "sqlite")
def _no_server(*_: Any, **_more: Any) -> str:
    return "NULL"


NOW = sa.select(ServersClock())


class Database:
    """The engine, the keys that open sealed columns, and the two kinds of transaction."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.keys = keys
        self.engine = sqlite_engine(url) if url.startswith("sqlite") else postgres_engine(url)
        self._reading = self.engine.execution_options(deferred=True)
        self._looking = self._reading
        if self.engine.dialect.name == "postgresql":  # one trip to the server instead of three
            self._looking = self.engine.execution_options(isolation_level="AUTOCOMMIT")

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

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """``write`` for statements alone: a session costs a post more than its statements."""
        return self.engine.begin()

    def look(self) -> AbstractContextManager[sa.Connection]:
        """``read`` for one statement alone."""
        return self._looking.connect()

    def now(self, session: Session | sa.Connection) -> datetime:
        """The time that decides when rows are due: PostgreSQL's own clock, so that
        hosts with skewed clocks agree; on SQLite there is but one host.
        """
        if self.engine.dialect.name == "sqlite":
            return clock.now()
        return session.execute(NOW).scalar_one() or clock.now()


def current_database() -> Database:
    """The database of the running application."""
    database = current_app.extensions["database"]
    assert isinstance(database, Database)
    return database
