"""Migrations create the tables of the models, and are safe to run twice or concurrently."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from app.cli import db  # noqa: F401  (adds every table to the metadata)
from app.database import Base, Database, revisions
from app.encryption import KeyRing
from app.monitoring.readiness import find_problem
from config import ROOT
from tests.cli.test_commands import Desk, desk
from tests.support.databases import migrate
from tests.support.settings import ENCRYPTION_KEY, environment
from tests.support.site import eventually
from tests.support.smtp_relay import relay

__all__ = ["desk", "relay"]

NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("inquiry", sa.Column("urgency", sa.Integer()))
"""


@pytest.fixture
def database(empty_database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database created by `flask db upgrade`."""
    migrate(empty_database_url, tmp_path)
    database = Database(empty_database_url, KeyRing([ENCRYPTION_KEY]))
    yield database
    database.engine.dispose()


@pytest.fixture
def use_next_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Call this to switch to a later version of the code, which has one more migration."""

    def use() -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(revisions.FOLDER, folder)
        (folder / "0002_urgency.py").write_text(NEXT)
        monkeypatch.setattr(revisions, "FOLDER", folder)
        revisions.known_revisions.cache_clear()

    yield use
    revisions.known_revisions.cache_clear()


def revision(database: Database) -> str | None:
    with database.read_session() as session:
        return revisions.get_revision(session.connection())


def set_revision(database: Database, revision: str) -> None:
    with database.session() as session:
        session.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))


def test_migrations_create_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_partial_indexes_have_the_conditions_of_the_models(database: Database) -> None:
    """Alembic does not compare the conditions of partial indexes."""
    with database.read_session() as session:
        existing = {
            index["name"]: _condition(index)
            for table in Base.metadata.tables
            for index in sa.inspect(session.connection()).get_indexes(table)
        }
    expected = {
        index.name: _plain(index.dialect_options["sqlite"]["where"])
        for table in Base.metadata.tables.values()
        for index in table.indexes
    }
    assert {name: existing[name] for name in expected} == expected
    assert sum(bool(condition) for condition in expected.values()) == 5


def _condition(index: "sa.engine.interfaces.ReflectedIndex") -> str:
    options = index.get("dialect_options", {})
    return _plain(options.get("sqlite_where", options.get("postgresql_where")))


def _plain(condition: object) -> str:
    """Return ``condition`` without the casts and parentheses that PostgreSQL adds."""
    text = re.sub(r"::\w+( varying)?", "", str("" if condition is None else condition))
    return re.sub(r"[()]", "", text).lower()


def test_revisions_are_one_chain_and_can_be_listed_without_alembic() -> None:
    scripts = ScriptDirectory(str(revisions.FOLDER), version_locations=[str(revisions.FOLDER)])
    chain = [script.revision for script in scripts.walk_revisions()]
    assert chain == [*reversed(revisions.known_revisions())]
    assert scripts.get_heads() == [revisions.known_revisions()[-1]]


def test_an_upgrade_with_nothing_to_do_changes_nothing(desk: Desk) -> None:
    desk.send()
    for _ in range(2):
        desk.says("db", "upgrade")
    assert len(desk.inquiries()) == 1
    assert revision(desk.database) == revisions.known_revisions()[-1]


def test_an_upgrade_keeps_inquiries(
    desk: Desk, use_next_version: Callable[[], None], make_app: Callable[..., Flask]
) -> None:
    desk.send()
    use_next_version()
    url = desk.database.engine.url.render_as_string(hide_password=False)
    later = Desk(make_app(DATABASE_URL=url))
    assert "not migrated" in (find_problem(later.database) or "")
    later.says("db", "upgrade")
    assert later.client.get("/readyz").status_code == 200
    assert len(later.inquiries()) == 1


def test_the_first_migration_cannot_be_downgraded(desk: Desk) -> None:
    desk.send()
    result = desk.run("db", "downgrade")
    assert result.exit_code == 1
    assert "restore a backup instead" in result.output
    assert len(desk.inquiries()) == 1


def test_an_unknown_revision_is_reported_in_one_line(desk: Desk) -> None:
    message = (
        "the database is newer than this code (revision 9999): upgrade the code. If it"
        " is from a development version before 1.0, delete it"
    )
    desk.send()
    set_revision(desk.database, "9999")
    result = desk.run("db", "upgrade")
    assert result.exit_code == 1
    assert result.output == f"Error: {message}\n"
    assert desk.client.get("/readyz").status_code == 503
    assert find_problem(desk.database) == message
    assert revision(desk.database) == "9999"


def test_concurrent_upgrades_from_several_hosts_run_once(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(empty_postgres_url)
    with engine.begin() as first:
        first.execute(sa.text("CREATE TABLE inquiry (id INTEGER)"))  # both processes have to wait
        running = [_upgrade(empty_postgres_url, tmp_path) for _ in range(2)]
        try:
            eventually(lambda: _waiting(engine) == 2, 60, "both wait for the lock")
        finally:
            first.rollback()
            results = [
                (process.communicate(timeout=120)[1], process.returncode) for process in running
            ]
    assert [code for _, code in results] == [0, 0], results
    with engine.connect() as connection:
        assert revisions.schema_problem(revisions.get_revision(connection)) is None
    engine.dispose()


def _waiting(engine: sa.Engine) -> int:
    """Return how many connections to this database wait for a lock."""
    blocked = "wait_event_type = 'Lock' AND datname = current_database()"
    with engine.connect() as connection:
        query = sa.text(f"SELECT count(*) FROM pg_stat_activity WHERE {blocked}")
        return connection.scalar(query) or 0


def _upgrade(url: str, instance: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "db", "upgrade"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment(instance, DATABASE_URL=url)},
        stderr=subprocess.PIPE,
        text=True,
    )
