"""PostgreSQL: back up with pg_dump, restore with pg_restore in one transaction."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from app.database import Base, Database
from app.maintenance.backup import existing_tables, read_contents
from app.maintenance.backup_archive import BackupContents, BackupError
from app.outbox import admin
from app.outbox.models import OutboxPause

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
GATE = "restore_in_progress"
MAGIC = b"PGDMP"  # the first bytes of pg_dump's custom format
PAUSE_TABLE = OutboxPause.__tablename__
TRIES = 3  # pg_restore and a request may lock the same tables in opposite order


def copy(database: Database, target: Path) -> BackupContents:
    """Dump Frontdesk's tables from one snapshot, without blocking writers. Raises BackupError.

    The outbox pause is left out: it belongs to the running database, not to its content.
    """
    program = _find_program("pg_dump", _major_version(database))
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        snapshot = connection.scalar(sa.select(sa.func.pg_export_snapshot()))
        contents = read_contents(connection, database.keys)
        tables = [f'--table="{name}"' for name in contents.tables if name != PAUSE_TABLE]
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run_program(database, [program, *options, *tables, f"--file={target}"])
    return contents


def verify(payload: Path) -> None:
    """Raise BackupError unless ``payload`` is a dump. Its checksum was verified before."""
    with payload.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupError("the copy of the database is damaged")


def replace_content(
    database: Database, payload: Path, contents: BackupContents, reason: str
) -> None:
    """Replace Frontdesk's tables by those in ``payload`` and pause the outbox.

    The outbox is paused before old messages appear. If the restore fails, the pause ends.
    """
    program = _find_program("pg_restore", _major_version(database))
    OutboxPause.metadata.create_all(database.engine, [OutboxPause.metadata.tables[PAUSE_TABLE]])
    with database.session() as session:
        was_paused = admin.current_pause(session) is not None
        admin.pause(session, reason, database.now(session))
    try:
        _restore(database, program, payload)
    except BackupError:
        if not was_paused:
            with database.session() as session:
                admin.resume(session)
        raise
    _drop_newer_tables(database, contents)


def _restore(database: Database, program: str, payload: Path) -> None:
    options = ("--single-transaction", "--clean", "--if-exists", "--exit-on-error")
    command = [program, *options, "--no-owner", "--no-privileges", str(payload)]
    for attempt in range(1, TRIES + 1):
        try:
            _run_program(database, command)
        except BackupError as error:
            if attempt == TRIES or "deadlock" not in str(error):
                raise
        else:
            return


def _drop_newer_tables(database: Database, contents: BackupContents) -> None:
    """Drop tables that the backup does not have; `db upgrade` creates them again."""
    with database.engine.begin() as connection:
        for name in existing_tables(connection):
            if name not in contents.tables and name != PAUSE_TABLE:
                Base.metadata.tables[name].drop(connection)


def close_gate(database: Database, seconds: int) -> None:
    """Reject new inquiries for ``seconds``, so that none is lost when the tables are replaced.

    Requests answer 503 meanwhile. The replacing tables have no gate.
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
    """Accept inquiries again."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE inquiry DROP CONSTRAINT IF EXISTS {GATE}")


def _major_version(database: Database) -> int:
    with database.engine.connect() as connection:
        number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(number) // 10_000


def _find_program(name: str, server_version: int) -> str:
    """Return the path of ``name`` in the oldest version that suits a server of this major
    version. Raises BackupError.
    """
    folders = [*os.get_exec_path(), *sorted(map(str, DEBIAN_FOLDER.glob("*/bin")))]
    paths = [path for folder in folders if (path := shutil.which(name, path=folder))]
    versions = {path: _version(path) for path in dict.fromkeys(paths)}
    suitable = [path for path in versions if versions[path] >= server_version]
    if not suitable:
        found = ", ".join(f"{path} is {version}" for path, version in versions.items())
        raise BackupError(
            f"{name} {server_version} or newer is not on PATH ({found or 'none found'}):"
            f" install postgresql-client-{server_version}"
        )
    return min(suitable, key=lambda path: versions[path])


def _run_program(database: Database, command: Sequence[str]) -> None:
    """Run ``command`` on the database. Raises BackupError with the program's last error.

    The password is passed in the environment, which other users of the machine cannot read.
    """
    where = {str(k): str(v) for k, v in database.engine.url.translate_connect_args().items()}
    where |= {key: str(value) for key, value in database.engine.url.query.items()}
    where["dbname"] = where.pop("database")
    where["user"] = where.pop("username", "") or where.get("user", "")
    password = {"PGPASSWORD": where.pop("password")} if "password" in where else {}
    conninfo = make_conninfo(**{key: value for key, value in where.items() if value})
    done = subprocess.run(  # noqa: S603  (a program found above, no shell)
        [*command, f"--dbname={conninfo}"],
        env={**os.environ, **password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or ["no message"]
        raise BackupError(f"{Path(command[0]).name} failed: {lines[-1][:200]}")


def _version(path: str) -> int:
    try:
        output = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.search(r"\) (\d+)", output)
    return int(version[1]) if version else 0
