"""Back up the database while the site runs."""

import os
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry
from app.database import Base, Database
from app.database.key_check_values import get_key_check_values
from app.database.revisions import get_revision, known_revisions
from app.maintenance import backup_archive
from app.maintenance.backup_archive import BackupContents, BackupError, Manifest
from app.maintenance.backup_folder import sync_folder, work_folder
from app.outbox.models import OutboxMessage
from app.scheduler import ScheduledJob
from app.version import version

BACKUP_JOB = "backup"  # row of `scheduled_job` with the time of the last backup
FIRST_BACKUP_JOB = "first-backup"  # with the time of the first try
MISSED_RUNS = 3
REVISION_TABLE = "alembic_version"
RESTORE_GUARD = "restore_in_progress"  # the trigger or constraint of a restore in progress
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid)"
    ),
}


def get_backend(database: Database) -> ModuleType:
    """Return the module that copies and restores databases of this kind."""
    kind = "sqlite" if database.engine.dialect.name == "sqlite" else "postgres"
    return import_module(f"app.maintenance.backup_{kind}")


def create_backup(database: Database, path: Path) -> Manifest:
    """Write a backup to the new file ``path`` and sync it to disk.

    Raises BackupError, also if the file exists.
    """
    if path.exists():
        raise BackupError(f"{path} exists already; nothing was written")
    try:
        with work_folder(path.parent) as folder:
            archive, payload = folder / "archive", folder / backup_archive.PAYLOAD
            now = clock.now()
            contents = get_backend(database).copy(database, payload)
            manifest = Manifest(
                version=version(),
                created_at=now.replace(microsecond=0),
                database=database.engine.dialect.name,
                size=payload.stat().st_size,
                sha256=backup_archive.compute_sha256(payload),
                contents=contents,
            )
            backup_archive.write(archive, manifest, payload, database.keys)
            os.link(archive, path)  # unlike a rename, it never replaces another file
        sync_folder(path.parent)
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from None
    return manifest


def expect_backups(database: Database, now: datetime, every: timedelta) -> None:
    """Store the interval of backups before the first one, so that their failure is noticed."""
    with database.session() as session:
        if not any(session.get(ScheduledJob, name) for name in (BACKUP_JOB, FIRST_BACKUP_JOB)):
            overdue_at = now + MISSED_RUNS * every
            session.add(ScheduledJob(name=FIRST_BACKUP_JOB, started_at=now, overdue_at=overdue_at))


def record_backup(database: Database, created_at: datetime, every: timedelta | None) -> None:
    """Store the time of a backup, where every host can read it.

    With ``every``, the interval of backups, also store when MISSED_RUNS of them are missing.
    """
    job = ScheduledJob(name=BACKUP_JOB, started_at=created_at)
    if every:
        job.overdue_at = created_at + MISSED_RUNS * every
    with database.session() as session:
        session.merge(job)


def last_backup_at(session: Session) -> datetime | None:
    """Return the time of the last backup, made on any host."""
    query = sa.select(ScheduledJob.started_at).where(ScheduledJob.name == BACKUP_JOB)
    return session.scalar(query)


def backup_overdue_for(session: Session, now: datetime) -> timedelta | None:
    """Return for how long MISSED_RUNS regular backups have been missing; None if they are not."""
    job = session.get(ScheduledJob, BACKUP_JOB) or session.get(ScheduledJob, FIRST_BACKUP_JOB)
    if job is None or job.overdue_at is None:
        return None
    age = abs(now - job.started_at)  # a backup from the future was made by a wrong clock
    overdue = age - (job.overdue_at - job.started_at)
    return overdue if overdue > timedelta(0) else None


def existing_tables(connection: sa.Connection) -> list[str]:
    """Return the names of Frontdesk's tables in the database."""
    names = set(sa.inspect(connection).get_table_names())
    return sorted(names & {REVISION_TABLE, *Base.metadata.tables})


def schema_differences(contents: BackupContents) -> list[str]:
    """Return the columns and triggers that differ from the models of this version.

    For a backup of an older revision, only the triggers: the models do not describe its columns,
    and no revision has a trigger.
    """
    if contents.revision != known_revisions()[-1]:
        return [name for name in contents.schema_objects if name.startswith("trigger ")]
    columns = (column for table in Base.metadata.tables.values() for column in table.columns)
    expected = {f"{REVISION_TABLE}.version_num", *map(str, columns)}
    return sorted(expected.symmetric_difference(contents.schema_objects))


def _schema_objects(connection: sa.Connection, tables: list[str]) -> list[str]:
    """Return ``table.column`` and ``trigger NAME`` of all, except the trigger of a restore."""
    columns = sa.inspect(connection).get_multi_columns(filter_names=tables)
    names = {f"{table}.{item['name']}" for (_, table), items in columns.items() for item in items}
    triggers = connection.exec_driver_sql(TRIGGERS[connection.dialect.name]).scalars()
    return sorted(names | {f"trigger {name}" for name in triggers if name != RESTORE_GUARD})


def read_contents(session: Session) -> BackupContents:
    """Describe the database for the manifest. Raises BackupError if it is empty."""
    connection = session.connection()
    revision = get_revision(connection)
    if revision is None:
        raise BackupError("the database is empty: nothing to back up")
    undelivered = sa.select(sa.func.count()).where(OutboxMessage.due_at.is_not(None))
    tables = existing_tables(connection)
    return BackupContents(
        revision=revision,
        tables=tables,
        schema_objects=_schema_objects(connection, tables),
        inquiries=session.scalar(sa.select(sa.func.count(Inquiry.id))) or 0,
        undelivered=session.scalar(undelivered) or 0,
        key_check_values={
            value.fingerprint: value.encrypted_text for value in get_key_check_values(session)
        },
    )
