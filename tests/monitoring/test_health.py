"""Health checks. On SQLite and on PostgreSQL."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.database import Base, Database, key_check_values
from app.monitoring import readiness
from app.monitoring.readiness import find_problem
from app.services import get_services
from config import ROOT
from tests.contact.conftest import Visitor
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.settings import environment

__all__ = ["outbox"]

PATHS = ("/healthz", "/readyz", "/healthz/outbox")
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:9/none"
CONSOLE_TABLES = {"inquiry_note", "inquiry_search_key", "staff_user", "webauthn_credential"}


@pytest.fixture
def client(outbox: Outbox) -> FlaskClient:
    return outbox.app.test_client()


def state(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["status"]


@sqlite_only
@pytest.mark.parametrize("path", PATHS)
def test_a_healthy_site_answers_200_and_is_not_cached(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def test_health_checks_are_not_rate_limited(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATELIMIT_ENABLED="true").test_client()
    assert client.get("/healthz").text == "ok\n"
    assert {client.get("/healthz").status_code for _ in range(100)} == {200}


@sqlite_only
def test_readiness_shows_how_many_proxies_the_request_has_passed(client: FlaskClient) -> None:
    for header, count in ((None, "0"), ("192.0.2.1", "1"), ("192.0.2.1, 198.51.100.1:80", "2")):
        headers = {"X-Forwarded-For": header} if header else {}
        response = client.get("/readyz", headers=headers)
        assert response.headers["X-Forwarded-For-Entries"] == count
        assert "192.0.2.1" not in str(response.headers)


@sqlite_only
def test_health_checks_show_a_status_and_nothing_else(outbox: Outbox, client: FlaskClient) -> None:
    """Numbers and ages would show when somebody has written."""
    outbox.add()
    outbox.advance(minutes=16)
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").json == {"ready": True}
    assert client.get("/healthz/outbox").json == {"status": "warning"}


@sqlite_only
@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (16, (200, "warning")),
        (61, (503, "critical")),
    ],
)
def test_waiting_email_is_a_warning_and_then_critical(
    outbox: Outbox, client: FlaskClient, minutes: int, expected: tuple[int, str]
) -> None:
    outbox.add()
    outbox.advance(minutes=minutes)
    assert state(client.get("/healthz/outbox")) == expected


@sqlite_only
def test_a_message_being_sent_counts_as_waiting(outbox: Outbox, client: FlaskClient) -> None:
    outbox.add(state="sending")
    outbox.advance(minutes=61)
    assert state(client.get("/healthz/outbox")) == (503, "critical")


@sqlite_only
def test_an_undelivered_message_is_a_problem_until_it_is_cancelled(
    outbox: Outbox, client: FlaskClient
) -> None:
    outbox.add(state="dead")
    assert state(client.get("/healthz/outbox")) == (503, "critical")
    outbox.cancel_all()
    assert state(client.get("/healthz/outbox")) == (200, "ok")


@sqlite_only
@pytest.mark.parametrize(("seconds", "status"), [(91, 503), (-90, 200), (-3600, 503)])
def test_a_missing_mailer_is_a_problem(
    outbox: Outbox, client: FlaskClient, seconds: int, status: int
) -> None:
    """Also one whose last heartbeat is in the future, because the clock was set back."""
    outbox.now += timedelta(seconds=seconds)
    assert client.get("/healthz/outbox").status_code == status


@sqlite_only
def test_a_site_that_never_had_a_mailer_has_a_problem(
    make_app: Callable[..., Flask], database_url: str
) -> None:
    client = make_app(DATABASE_URL=database_url).test_client()
    assert state(client.get("/healthz/outbox")) == (503, "critical")


def test_an_unreachable_database_is_a_503_in_json(make_app: Callable[..., Flask]) -> None:
    client = make_app(DATABASE_URL=NOWHERE).test_client()
    assert client.get("/healthz").status_code == 200
    assert state(client.get("/healthz/outbox")) == (503, "critical")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (503, {"ready": False})


def problem(app: Flask) -> str:
    """Why the site is not ready: the reason that doctor and status show."""
    assert app.test_client().get("/readyz").status_code == 503
    return find_problem(get_services(app).database) or ""


def execute(database: Database, statement: str) -> None:
    with database.session() as session:
        session.connection().exec_driver_sql(statement)


def test_a_database_that_is_not_migrated_is_not_ready(
    make_app: Callable[..., Flask], empty_database_url: str
) -> None:
    assert "not migrated" in problem(make_app(DATABASE_URL=empty_database_url))


def test_a_database_newer_than_the_code_is_not_ready(outbox: Outbox) -> None:
    execute(outbox.database, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer than this code" in problem(outbox.app)


def test_a_missing_key_is_not_ready(
    outbox: Outbox, make_app: Callable[..., Flask], database_url: str
) -> None:
    key_check_values.register_newest_key(outbox.database)
    other = make_app(DATABASE_URL=database_url, ENCRYPTION_KEYS=Fernet.generate_key().decode())
    assert "key is missing" in problem(other)


@sqlite_only
@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_a_missing_table_is_not_ready(outbox: Outbox, table: str) -> None:
    execute(outbox.database, f"ALTER TABLE {table} RENAME TO gone")
    assert f"the table {table} cannot be read" in problem(outbox.app)


@sqlite_only
@pytest.mark.parametrize("console", ["off", "on"])
def test_a_web_process_checks_every_table_it_uses(
    outbox: Outbox, tmp_path: Path, console: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi, app.database as d; print(*d.Base.metadata.tables)"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment(tmp_path, STAFF_CONSOLE=console)},
        capture_output=True,
        text=True,
        check=True,
    )
    unused = {"alembic_version"} | (CONSOLE_TABLES if console == "off" else set())
    tables = set(sa.inspect(outbox.database.engine).get_table_names())
    assert tables - unused == set(done.stdout.split())


def test_a_missing_column_is_not_ready(outbox: Outbox) -> None:
    execute(outbox.database, "ALTER TABLE acknowledgement_limit RENAME COLUMN queued_at TO other")
    assert "the table acknowledgement_limit cannot be read" in problem(outbox.app)


def make_read_only(database: Database) -> None:
    """As after a failover to a standby, or on a disk that is mounted read-only."""
    sqlite = database.engine.dialect.name == "sqlite"
    statement = "PRAGMA query_only = on" if sqlite else "SET default_transaction_read_only = on"

    @sa.event.listens_for(database.engine, "connect")
    def refuse_writes(connection: Any, _record: object) -> None:
        connection.cursor().execute(statement)
        connection.commit()

    database.engine.dispose()


def test_a_read_only_database_is_not_ready(outbox: Outbox) -> None:
    make_read_only(outbox.database)
    assert Visitor(outbox.app).send().status_code == 503
    assert "the database cannot be written" in problem(outbox.app)


@sqlite_only
def test_a_database_on_a_full_disk_is_not_ready(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MIN_FREE", 2**63)
    assert problem(outbox.app) == f"the disk of {outbox.database.folder} is full"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postgresql_that_cannot_write_five_megabytes_to_its_disk_is_not_ready(
    outbox: Outbox,
) -> None:
    """A limit on temporary files stands for the full disk."""

    def limit(megabytes: int) -> None:
        @sa.event.listens_for(outbox.database.engine, "connect")
        def set_limit(connection: Any, _record: object) -> None:
            connection.execute(f"SET temp_file_limit = '{megabytes}MB'")
            connection.commit()

        outbox.database.engine.dispose()

    limit(6)
    assert find_problem(outbox.database) is None
    limit(4)
    assert "the database cannot be written: temporary file size exceeds" in problem(outbox.app)


@sqlite_only
def test_a_database_that_ignores_inquiries_is_not_ready(outbox: Outbox) -> None:
    trigger = "CREATE TRIGGER t BEFORE INSERT ON inquiry BEGIN SELECT RAISE(IGNORE); END"
    execute(outbox.database, trigger)
    assert problem(outbox.app) == "the database ignores what is written"


def test_many_readiness_checks_write_once_and_leave_nothing(
    outbox: Outbox, client: FlaskClient
) -> None:
    written = []

    @sa.event.listens_for(outbox.database.engine, "after_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        written.extend([statement] if statement.startswith("INSERT") else [])

    assert {client.get("/readyz").status_code for _ in range(50)} == {200}
    assert len(written) == 1
    assert Visitor(outbox.app).inquiries() == []


@sqlite_only
def test_readiness_is_checked_again_after_some_seconds(
    outbox: Outbox,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(readiness, "INTERVAL", 0.0)
    assert client.get("/readyz").status_code == 200
    execute(outbox.database, "ALTER TABLE inquiry RENAME TO gone")
    assert {client.get("/readyz").status_code for _ in range(3)} == {503}
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "the table inquiry cannot be read" in errors[0]
    execute(outbox.database, "ALTER TABLE gone RENAME TO inquiry")
    assert client.get("/readyz").status_code == 200
