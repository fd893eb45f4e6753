"""PostgreSQL: pg_dump of one moment beside live traffic, and pg_restore in one transaction."""

from pathlib import Path

import sqlalchemy as sa

from app.database import Base, Database
from app.maintenance.backup_archive import BackupContents, BackupError
from app.maintenance.backup_facts import contents_of, tables_of
from app.maintenance.postgres_tools import find_program, run_program
from app.outbox import admin
from app.outbox.models import OutboxPause

GATE = "restore_under_way"
MAGIC = b"PGDMP"  # how pg_dump's custom format begins
HOLD = OutboxPause.__tablename__
TRIES = 3  # pg_restore and a post may lock the same tables the other way round


def copy(database: Database, target: Path) -> BackupContents:
    """Dump our tables as they are at one moment; posts go on meanwhile. Raises BackupError.

    The hold is left out: it belongs to the database that mail goes out from.
    """
    program = find_program("pg_dump", _major(database))
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        snapshot = connection.scalar(sa.select(sa.func.pg_export_snapshot()))
        facts = contents_of(connection, database.keys)
        tables = [f'--table="{name}"' for name in facts.tables if name != HOLD]
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        run_program(database, [program, *options, *tables, f"--file={target}"])
    return facts


def verify(payload: Path) -> None:
    """Whether it is whole was told by its digest; pg_restore changes nothing when it is not."""
    with payload.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupError("the copy of the database is damaged")


def put_in_place(database: Database, payload: Path, facts: BackupContents, reason: str) -> None:
    """Replace our tables by those of ``payload``, in one transaction, on hold.

    The hold is on before the old mails are there, and stays off when it fails.
    """
    program = find_program("pg_restore", _major(database))
    OutboxPause.metadata.create_all(database.engine, [OutboxPause.metadata.tables[HOLD]])
    with database.session() as session:
        was_on = admin.current_pause(session) is not None
        admin.pause(session, reason, database.now(session))
    try:
        _restore(database, program, payload)
    except BackupError:
        if not was_on:
            with database.session() as session:
                admin.resume(session)
        raise
    _drop_younger_tables(database, facts)


def _restore(database: Database, program: str, payload: Path) -> None:
    options = ("--single-transaction", "--clean", "--if-exists", "--exit-on-error")
    command = [program, *options, "--no-owner", "--no-privileges", str(payload)]
    for last in (*(False,) * (TRIES - 1), True):
        try:
            run_program(database, command)
        except BackupError as error:
            if last or "deadlock" not in str(error):
                raise
        else:
            return


def _drop_younger_tables(database: Database, facts: BackupContents) -> None:
    """Those that came after the backup was made; `db upgrade` makes them anew."""
    with database.engine.begin() as connection:
        for name in tables_of(connection):
            if name not in facts.tables and name != HOLD:
                Base.metadata.tables[name].drop(connection)


def close_gate(database: Database, seconds: int) -> None:
    """Let no inquiry in for so long: posts answer 503, so nobody is told "received" by
    tables that are about to be replaced. Those that replace them know no gate.
    """
    open_gate(database)
    with database.engine.begin() as connection:
        limit = connection.exec_driver_sql(
            f"SELECT clock_timestamp() + interval '{seconds} s'"
        ).scalar_one()
        connection.exec_driver_sql(
            f"ALTER TABLE inquiry ADD CONSTRAINT {GATE}"
            f" CHECK (clock_timestamp() > '{limit.isoformat()}') NOT VALID"
        )


def open_gate(database: Database) -> None:
    """Let inquiries in again."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE inquiry DROP CONSTRAINT IF EXISTS {GATE}")


def _major(database: Database) -> int:
    with database.engine.connect() as connection:
        number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(number) // 10_000
