"""Back up the database while the site runs."""

import os
import tempfile
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry
from app.database import Base, Database
from app.database.encryption_keys import get_key_check_values
from app.database.revisions import get_revision
from app.maintenance import backup_archive
from app.maintenance.backup_archive import BackupContents, BackupError, Manifest
from app.outbox.models import OutboxMessage
from app.scheduler import ScheduledJob
from app.version import version

BACKUP_JOB = "backup"  # row of `scheduled_job` with the time of the last backup
REVISION_TABLE = "alembic_version"


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
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".frontdesk-") as name:
            archive, payload = Path(name) / "archive", Path(name) / backup_archive.PAYLOAD
            now = clock.now()
            contents = get_backend(database).copy(database, payload)
            manifest = Manifest(
                version=version(),
                created_at=now.replace(microsecond=0),
                database=database.engine.dialect.name,
                sha256=backup_archive.compute_sha256(payload),
                contents=contents,
            )
            backup_archive.write(archive, manifest, payload)
            os.link(archive, path)  # unlike a rename, it never replaces another file
        _sync_folder(path.parent)
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from None
    return manifest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def record_backup(database: Database, created_at: datetime) -> None:
    """Store the time of a backup in the database, where every host can read it."""
    with database.session() as session:
        session.merge(ScheduledJob(name=BACKUP_JOB, started_at=created_at))


def last_backup_at(session: Session) -> datetime | None:
    """Return the time of the last backup, made on any host."""
    query = sa.select(ScheduledJob.started_at).where(ScheduledJob.name == BACKUP_JOB)
    return session.scalar(query)


def backup_file_name(moment: datetime) -> str:
    """Return a name that sorts by time: ``frontdesk-20261123T153000Z.backup``."""
    return f"frontdesk-{moment:%Y%m%dT%H%M%SZ}.backup"


def existing_tables(connection: sa.Connection) -> list[str]:
    """Return the names of Frontdesk's tables in the database."""
    names = set(sa.inspect(connection).get_table_names())
    return sorted(names & {REVISION_TABLE, *Base.metadata.tables})


def read_contents(session: Session) -> BackupContents:
    """Describe the database for the manifest. Raises BackupError if it is empty."""
    connection = session.connection()
    revision = get_revision(connection)
    if revision is None:
        raise BackupError("the database is empty: nothing to back up")
    undelivered = sa.select(sa.func.count()).where(OutboxMessage.due_at.is_not(None))
    return BackupContents(
        revision=revision,
        tables=existing_tables(connection),
        inquiries=session.scalar(sa.select(sa.func.count(Inquiry.id))) or 0,
        undelivered=session.scalar(undelivered) or 0,
        key_check_values={
            value.fingerprint: value.encrypted_text for value in get_key_check_values(session)
        },
    )
