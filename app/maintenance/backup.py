"""Making a backup while the site runs, on either database."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.database import Database
from app.maintenance import backup_archive, backup_postgres, backup_sqlite
from app.maintenance.backup_archive import BackupError, Manifest
from app.scheduler import ScheduledJob
from app.version import version

BACKUP = "backup"  # its turn beside those of the chores


def backend_for(database: Database) -> ModuleType:
    """The module that copies databases of this kind, and puts copies in place."""
    return backup_sqlite if database.engine.dialect.name == "sqlite" else backup_postgres


def create_backup(database: Database, path: Path) -> Manifest:
    """Write a backup to the new file ``path``; it is on disk when this returns.

    Raises BackupError, also when the file is there already.
    """
    if path.exists():  # said before the work, and made sure of after it
        raise BackupError(f"{path} exists already; nothing was written")
    with temporary_folder(path.parent) as folder:
        payload = folder / backup_archive.PAYLOAD
        now = clock.now()
        contents = backend_for(database).copy(database, payload)
        manifest = Manifest(
            format=backup_archive.FORMAT,
            version=version(),
            created_at=now.isoformat(timespec="seconds"),
            database=database.engine.dialect.name,
            sha256=backup_archive.sha256_of(payload),
            contents=contents,
        )
        backup_archive.write(path, manifest, payload)
    return manifest


def record_backup(database: Database, created_at: datetime) -> None:
    """Leave the time of the last backup where every host sees it."""
    with database.session() as session:
        session.merge(ScheduledJob(name=BACKUP, started_at=created_at))


def last_backup_at(session: Session) -> datetime | None:
    """When `flask backup` last ended well, on whichever host."""
    return session.scalar(sa.select(ScheduledJob.started_at).where(ScheduledJob.name == BACKUP))


def backup_file_name(moment: datetime) -> str:
    """A name that sorts by time: ``frontdesk-20261123T153000Z.backup``."""
    return f"frontdesk-{moment:%Y%m%dT%H%M%SZ}.backup"


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """A folder of our own for a while, on the same disk as ``beside``. Raises BackupError."""
    try:
        folder = tempfile.TemporaryDirectory(dir=beside, prefix=".frontdesk-")
    except OSError as error:
        raise BackupError(f"cannot write to {beside}: {error.strerror}") from None
    with folder as name:  # tempfile makes it 0700
        yield Path(name)
