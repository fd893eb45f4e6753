"""The site behind PgBouncer, where each transaction may run on another connection."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.database import Database
from app.maintenance.backup import create_backup
from app.maintenance.backup_archive import BackupError
from app.services import get_services
from tests.contact.conftest import GOOD
from tests.support.pgbouncer import pgbouncer

LOCK_TIMEOUT = sa.text("SHOW lock_timeout")


@pytest.fixture
def app(make_app: Callable[..., Flask], empty_postgres_url: str) -> Iterator[Flask]:
    """A site whose database is migrated through PgBouncer."""
    with pgbouncer(empty_postgres_url) as url:
        app = make_app(DATABASE_URL=url, RATELIMIT_ENABLED="false")
        upgrade = app.test_cli_runner().invoke(args=["db", "upgrade"])
        assert upgrade.exit_code == 0, upgrade.output
        yield app


@pytest.fixture
def database(app: Flask) -> Database:
    return get_services(app).database


def test_concurrent_inquiries_are_accepted(app: Flask) -> None:
    def post(number: int) -> int:
        inquiry = {**GOOD, "message": f"Question {number}"}
        return app.test_client().post("/api/v1/inquiries", json=inquiry).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(post, range(40))) == [201] * 40


def test_a_transaction_has_its_settings_and_leaves_none_behind(database: Database) -> None:
    for _ in range(8):  # more than a driver waits before it prepares a statement
        with database.session() as session, database.session() as other:
            assert session.scalar(LOCK_TIMEOUT) == other.scalar(LOCK_TIMEOUT) == "15s"
        with database.read_session() as session, database.read_session() as other:
            assert session.scalar(LOCK_TIMEOUT) == other.scalar(LOCK_TIMEOUT) == "0"


def test_the_doctor_recognizes_the_pooler(app: Flask) -> None:
    assert "through a connection pooler" in app.test_cli_runner().invoke(args=["doctor"]).output


def test_a_backup_needs_a_direct_connection(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="set DATABASE_URL to PostgreSQL itself"):
        create_backup(database, tmp_path / "now.backup")
