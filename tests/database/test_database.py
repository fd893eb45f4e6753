"""Database guarantees: writers wait instead of failing, and commits are durable."""

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from flask import Flask

from app.database import Database, engines
from app.database.engines import is_wal_safe
from app.encryption import KeyRing
from app.outbox.models import MailerHeartbeat
from app.services import get_services

BACKEND = sa.select(sa.func.pg_backend_pid())
KEY = "A" * 43 + "="


@pytest.fixture
def database(make_app: Callable[..., Flask], database_url: str) -> Database:
    return get_services(make_app(DATABASE_URL=database_url)).database


@pytest.mark.parametrize("failure", ["an error", "a lost connection"])
def test_a_failed_write_releases_the_lock(database: Database, failure: str) -> None:
    with suppress(ZeroDivisionError), database.session() as session:
        session.execute(sa.select(1))
        if failure == "a lost connection":
            session.connection().invalidate()
        raise ZeroDivisionError
    started = time.monotonic()
    with database.session() as session:
        assert session.scalar(sa.select(1)) == 1
    assert time.monotonic() - started < 5  # the lock timeout is 15 s


def test_a_writer_waits_for_the_lock_until_the_timeout(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_MS", 500)
    database = Database(sqlite_url, KeyRing([KEY]))
    with database.session() as writer:
        writer.execute(sa.select(1))
        started = time.monotonic()
        with (
            pytest.raises(sa.exc.OperationalError, match="locked"),
            database.session() as second,
        ):
            second.execute(sa.select(1))
        assert 0.5 <= time.monotonic() - started < 5  # the default is 15 s
        with database.read_session() as reader:  # readers do not wait for the writer
            assert reader.scalar(sa.select(1)) == 1
    database.engine.dispose()


def test_a_pooled_connection_that_the_server_closed_is_replaced(postgres_url: str) -> None:
    database, other = Database(postgres_url, KeyRing([KEY])), Database(postgres_url, KeyRing([KEY]))
    with database.read_session() as session:
        backend = session.scalar(BACKEND)
    with other.session() as session:
        session.execute(sa.select(sa.func.pg_terminate_backend(backend, 5_000)))
    with database.session() as session:
        assert session.scalar(BACKEND) != backend
    database.engine.dispose()
    other.engine.dispose()


def test_datetimes_are_returned_aware_and_in_utc(database: Database) -> None:
    local = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    with database.session() as session:
        session.add(MailerHeartbeat(owner="one", started_at=local, heartbeat_at=local))
    with database.read_session() as session:
        started_at = session.scalars(sa.select(MailerHeartbeat.started_at)).one()
    assert started_at == local
    assert started_at.tzinfo == UTC


def test_a_naive_datetime_is_rejected(database: Database) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001
    with pytest.raises(sa.exc.StatementError), database.session() as session:
        session.add(MailerHeartbeat(owner="one", started_at=naive, heartbeat_at=naive))


def test_an_unfinished_message_needs_a_due_time(database: Database) -> None:
    rejected = pytest.raises(sa.exc.IntegrityError, match="unfinished_is_due")
    with rejected, database.session() as session:
        session.execute(
            sa.text(
                "insert into outbox_message (id, reference, message_id, encrypted_message, state,"
                " created_at, queued_at, due_at, attempt_count, crash_count, used_fallback,"
                " is_acknowledgement) values"
                " (:id, 'a', 'b', :mail, 'pending', :now, :now, null, 0, 0, :no, :no)"
            ),
            {"id": "0" * 32, "mail": b"x", "now": "2026-01-01 00:00:00", "no": False},
        )


def _count_up(url: str, times: int) -> None:
    database = Database(url, KeyRing([KEY]))
    for _ in range(times):
        with database.session() as session:
            row = session.get(MailerHeartbeat, "counter", with_for_update=True)
            assert row is not None
            row.heartbeat_at += timedelta(seconds=1)


def test_concurrent_processes_lose_no_update(database: Database, database_url: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with database.session() as session:
        session.add(MailerHeartbeat(owner="counter", started_at=start, heartbeat_at=start))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count_up, args=(database_url, 75)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    with database.read_session() as session:
        counter = session.get(MailerHeartbeat, "counter")
    assert counter is not None
    assert counter.heartbeat_at - start == timedelta(seconds=150)


@pytest.mark.parametrize(
    ("query", "durable"),
    [("", (("wal", 2), ("delete", 3))), ("?journal_mode=delete", (("delete", 3),))],
)
def test_sqlite_settings_are_durable(
    sqlite_url: str, query: str, durable: tuple[tuple[str, int], ...]
) -> None:
    """2 is synchronous=FULL, 3 is EXTRA."""
    database = Database(sqlite_url + query, KeyRing([KEY]))
    with database.engine.connect() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in (
                "journal_mode",
                "synchronous",
                "secure_delete",
                "foreign_keys",
                "mmap_size",
            )
        }
    database.engine.dispose()
    assert (pragma["journal_mode"], pragma["synchronous"]) in durable
    assert (pragma["secure_delete"], pragma["foreign_keys"], pragma["mmap_size"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_wal_is_used_only_where_it_is_safe(version: tuple[int, int, int], safe: bool) -> None:  # noqa: FBT001
    assert is_wal_safe(version) is safe
