"""Migrations: they only add, run once however often they are begun, and old code lives on."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations, ops
from alembic.script import Script, ScriptDirectory

from app.ops import schema
from config import ROOT
from tests.ops.test_commands import Desk, desk
from tests.support.relay import relay
from tests.support.settings import environment
from tests.support.site import eventually

__all__ = ["desk", "relay"]

NEXT = (  # as a later version might do it
    "ALTER TABLE inquiry ADD COLUMN urgency INTEGER",
    "ALTER TABLE outbox_message ADD COLUMN lane VARCHAR(10) DEFAULT 'usual' NOT NULL",
    "CREATE TABLE callback (id INTEGER PRIMARY KEY, asked_for VARCHAR(40))",
)


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(schema.FOLDER), version_locations=[str(schema.FOLDER)])


def chain() -> list[Script]:
    """All migrations, the oldest first."""
    return list(scripts().walk_revisions())[::-1]


def test_they_are_one_chain_numbered_without_a_gap() -> None:
    names = [schema.NAME.fullmatch(one.revision) for one in chain()]
    assert [int(name["number"]) for name in names if name] == list(range(1, len(chain()) + 1))
    assert scripts().get_heads() == [schema.head()]


def oldest(script: Script) -> int:
    """From which revision on code works with a database at ``script``."""
    name = schema.NAME.fullmatch(script.revision)
    assert name
    return int(name["oldest"] or schema.FIRST)


@pytest.mark.parametrize("script", chain()[1:], ids=lambda one: one.revision)
def test_a_migration_only_adds_unless_its_name_says_from_when_on_code_works_with_it(
    script: Script,
) -> None:
    before = scripts().get_revision(script.down_revision)  # type: ignore[arg-type]
    assert before
    assert oldest(script) >= oldest(before), "what was taken away stays away: keep the -from-"
    if oldest(script) == oldest(before):
        assert taken_away(script.module.upgrade) == []


def taken_away(upgrade: Callable[[], None]) -> list[str]:
    """What ``upgrade`` does that code of before could stumble over, in words."""
    done: list[ops.MigrateOperation] = []
    invoke = Operations.invoke

    def note(self: Operations, operation: ops.MigrateOperation) -> Any:
        done.append(operation)
        return invoke(self, operation)

    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": io.StringIO()}
    )
    with patch.object(Operations, "invoke", note), Operations.context(context):
        upgrade()
    new = {one.table_name for one in done if isinstance(one, ops.CreateTableOp)}
    return [fault for one in done if (fault := _in_the_way(one, new))]


def _in_the_way(operation: ops.MigrateOperation, new: set[str]) -> str:
    table = getattr(operation, "table_name", "") or getattr(operation, "source_table", "")
    if isinstance(operation, ops.CreateTableOp) or table in new:
        return ""
    match operation:
        case ops.AddColumnOp(column=column):
            given = column.nullable or column.server_default is not None
            return "" if given else f"{table}.{column.name}: not null, without a server's default"
        case ops.CreateIndexOp(unique=unique):
            return f"{table}: a unique index" if unique else ""
        case ops.AlterColumnOp(modify_nullable=True, modify_type=None, modify_name=None):
            return ""
        case _:
            return f"{table}: {type(operation).__name__}"


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (lambda op: op.drop_table("chore"), "chore: DropTableOp"),
        (lambda op: op.drop_column("chore", "x"), "chore: DropColumnOp"),
        (
            lambda op: op.add_column("chore", sa.Column("x", sa.Integer(), nullable=False)),
            "chore.x: not null, without a server's default",
        ),
        (lambda op: op.alter_column("chore", "x", nullable=False), "chore: AlterColumnOp"),
        (lambda op: op.alter_column("chore", "x", new_column_name="y"), "chore: AlterColumnOp"),
        (lambda op: op.create_index("i", "chore", ["x"], unique=True), "chore: a unique index"),
        (
            lambda op: op.create_check_constraint("c", "chore", "x > 1"),
            "chore: CreateCheckConstraintOp",
        ),
        (lambda op: op.execute("DROP TABLE chore"), ": ExecuteSQLOp"),
        (lambda op: op.add_column("chore", sa.Column("x", sa.Integer())), ""),
        (lambda op: op.create_index("i", "chore", ["x"]), ""),
        (lambda op: op.alter_column("chore", "x", nullable=True), ""),
    ],
)
def test_what_takes_away_is_noticed(act: Callable[[Any], None], fault: str) -> None:
    from alembic import op

    assert "".join(taken_away(lambda: act(op))) == fault


@pytest.mark.parametrize(
    ("name", "works"),
    [
        ("003", False),
        ("004", True),
        ("009", True),
        ("009-from-004", True),
        ("009-from-005", False),
        ("0a1b", False),
        ("", False),
    ],
)
def test_which_databases_this_code_works_with(
    monkeypatch: pytest.MonkeyPatch, name: str, *, works: bool
) -> None:
    monkeypatch.setattr(schema, "head", lambda: "004")
    assert schema.works_with(name) is works


def test_code_works_with_the_database_of_the_next_version(desk: Desk, relay: Any) -> None:
    with desk.database.session() as session:
        for statement in (*NEXT, "UPDATE alembic_version SET version_num = '999'"):
            session.execute(sa.text(statement))
    assert desk.client.get("/readyz").status_code == 200
    assert desk.send().status_code == 303
    desk.says("mailer", "run", "--once")
    assert len(relay.taken) == 1
    result = desk.run("db", "upgrade")
    assert result.exit_code == 1
    assert "the database is newer than this code" in result.output


def test_upgrades_from_several_hosts_at_once_are_one(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(empty_postgres_url)
    with engine.begin() as first:
        first.execute(sa.text("CREATE TABLE inquiry (id INTEGER)"))  # until we let go, both wait
        running = [_upgrade(empty_postgres_url, tmp_path) for _ in range(2)]
        try:
            eventually(lambda: _waiting(engine) == 2, 60, "both wait")
        finally:
            first.rollback()
            ends = [(one.communicate(timeout=120)[1], one.returncode) for one in running]
    assert [code for _, code in ends] == [0, 0], ends
    assert schema.schema_fault(engine) is None
    engine.dispose()


def _waiting(engine: sa.Engine) -> int:
    """How many connections to this database wait for a lock."""
    blocked = "wait_event_type = 'Lock' AND datname = current_database()"
    with engine.connect() as connection:
        query = sa.text(f"SELECT count(*) FROM pg_stat_activity WHERE {blocked}")
        return connection.scalar(query) or 0


def _upgrade(url: str, instance: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment(instance, DATABASE_URL=url)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_upgrade_with_nothing_to_do_changes_nothing(desk: Desk) -> None:
    desk.send()
    for _ in range(2):
        desk.says("db", "upgrade")
    assert len(desk.inquiries()) == 1
    assert schema.current(desk.database.engine) == schema.head()
