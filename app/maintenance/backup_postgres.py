"""PostgreSQL: back up with pg_dump, restore with pg_restore in one transaction."""

import os
import re
import subprocess
from pathlib import Path

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy.orm import Session

from app.database import Base, Database
from app.database.engines import uses_pooler
from app.maintenance.backup import existing_tables, read_contents
from app.maintenance.backup_archive import BackupContents, BackupError
from app.outbox import admin
from app.outbox.models import OutboxPause

PAUSE_TABLE = OutboxPause.__tablename__
MAX_TRIES = 3  # pg_restore and a request may lock the same tables in opposite order


def copy(database: Database, target: Path) -> BackupContents:
    """Dump Frontdesk's tables from one snapshot, without blocking writers. Raises BackupError.

    The outbox pause is left out: it belongs to the running database, not to its content.
    """
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(engine) as session:
        snapshot = session.scalar(sa.select(sa.func.pg_export_snapshot()))
        contents = read_contents(session)
        tables = [f'--table="{name}"' for name in contents.tables if name != PAUSE_TABLE]
        options = ("--format=custom", f"--snapshot={snapshot}", f"--file={target}")
        _run_program(database, "pg_dump", *options, *tables)
    return contents


def replace_content(
    database: Database, payload: Path, contents: BackupContents, reason: str
) -> None:
    """Replace Frontdesk's tables by those in ``payload`` and pause the outbox.

    The outbox is paused before old messages appear. If the restore fails, the pause ends.
    """
    OutboxPause.metadata.create_all(database.engine, [OutboxPause.metadata.tables[PAUSE_TABLE]])
    with database.session() as session:
        was_paused = admin.current_pause(session) is not None
        admin.pause(session, reason, database.now(session))
    try:
        _restore(database, payload)
    except BackupError:
        if not was_paused:
            with database.session() as session:
                admin.resume(session)
        raise
    # What the backup does not have, `db upgrade` creates again.
    with database.engine.begin() as connection:
        for name in {*existing_tables(connection)} - {*contents.tables, PAUSE_TABLE}:
            Base.metadata.tables[name].drop(connection)


def _restore(database: Database, payload: Path) -> None:
    options = ("--single-transaction", "--clean", "--if-exists", "--exit-on-error", str(payload))
    for attempt in range(1, MAX_TRIES + 1):
        try:
            _run_program(database, "pg_restore", *options)
        except BackupError as error:
            if attempt == MAX_TRIES or "deadlock" not in str(error):
                raise
        else:
            return


def _require_direct_connection(database: Database, program: str) -> None:
    """Raise BackupError if there is a pooler: ``program`` changes settings of its connection, which
    the site would get next. With an empty search_path, it finds no table.
    """
    with database.engine.connect() as connection:
        if uses_pooler(connection):
            raise BackupError(
                f"{program} cannot run through a connection pooler: set DATABASE_URL to"
                " PostgreSQL itself for this command (docs/several-hosts.md)"
            )


def _run_program(database: Database, program: str, *options: str) -> None:
    """Run pg_dump or pg_restore. Raises BackupError with the program's last error.

    The password is passed in the environment, which other users of the machine cannot read.
    """
    _require_direct_connection(database, program)
    where = {str(k): str(v) for k, v in database.engine.url.translate_connect_args().items()}
    where |= {key: str(value) for key, value in database.engine.url.query.items()}
    where["dbname"] = where.pop("database")
    where["user"] = where.pop("username", "") or where.get("user", "")
    password = {"PGPASSWORD": where.pop("password")} if "password" in where else {}
    conninfo = make_conninfo(**{key: value for key, value in where.items() if value})
    try:
        done = subprocess.run(  # noqa: S603  (no shell)
            [program, "--no-owner", "--no-privileges", *options, f"--dbname={conninfo}"],
            env={**os.environ, **password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise BackupError(
            f"{program} is not on PATH: install PostgreSQL's client programs in the version of"
            " the server or newer"
        ) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.search("error:|detail:", line)]
        last = lines[-2 if lines and "detail:" in lines[-1] else -1 :] or ["no message"]
        raise BackupError(f"{program} failed: {' '.join(last)[:250]}")
