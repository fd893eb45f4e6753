"""Back up the database while the site runs."""

import os
import tempfile
from base64 import b64encode
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry
from app.database import Base, Database
from app.database.revisions import revision_of
from app.encryption import KeyRing
from app.maintenance import backup_archive
from app.maintenance.backup_archive import BackupContents, BackupError, Manifest
from app.maintenance.encryption_keys import KeyCanary, create_canaries
from app.outbox.models import OutboxMessage
from app.scheduler import ScheduledJob
from app.version import version

BACKUP = "backup"  # row of `scheduled_job` with the time of the last backup
REVISION_TABLE = "alembic_version"


def backend_for(database: Database) -> ModuleType:
    """Return the module that copies and restores databases of this kind."""
    kind = "sqlite" if database.engine.dialect.name == "sqlite" else "postgres"
    return import_module(f"app.maintenance.backup_{kind}")


def create_backup(database: Database, path: Path) -> Manifest:
    """Write a backup to the new file ``path`` and sync it to disk.

    Raises BackupError, also if the file exists.
    """
    exists = BackupError(f"{path} exists already; nothing was written")
    if path.exists():
        raise exists
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".frontdesk-") as name:
            archive, payload = Path(name) / "archive", Path(name) / backup_archive.PAYLOAD
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
            backup_archive.write(archive, manifest, payload)
            os.link(archive, path)  # unlike a rename, it never replaces another file
        _sync_folder(path.parent)
    except FileExistsError:
        raise exists from None
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
        session.merge(ScheduledJob(name=BACKUP, started_at=created_at))


def last_backup_at(session: Session) -> datetime | None:
    """Return the time of the last backup, made on any host."""
    return session.scalar(sa.select(ScheduledJob.started_at).where(ScheduledJob.name == BACKUP))


def backup_file_name(moment: datetime) -> str:
    """Return a name that sorts by time: ``frontdesk-20261123T153000Z.backup``."""
    return f"frontdesk-{moment:%Y%m%dT%H%M%SZ}.backup"


def existing_tables(connection: sa.Connection) -> list[str]:
    """Return the names of Frontdesk's tables in the database."""
    names = set(sa.inspect(connection).get_table_names())
    return sorted(names & {REVISION_TABLE, *Base.metadata.tables})


def read_contents(connection: sa.Connection, keys: KeyRing) -> BackupContents:
    """Describe the database for the manifest. Raises BackupError if it is empty."""
    revision = revision_of(connection)
    if revision is None:
        raise BackupError("the database is empty: nothing to back up")
    tables = existing_tables(connection)
    canaries = {}
    if KeyCanary.__tablename__ in tables:
        rows = connection.execute(sa.select(KeyCanary.fingerprint, KeyCanary.encrypted_text))
        canaries = {row.fingerprint: row.encrypted_text for row in rows}
    canaries = canaries or create_canaries(keys, keys.fingerprints)
    undelivered = OutboxMessage.due_at.is_not(None)
    return BackupContents(
        revision=revision,
        tables=tables,
        inquiries=connection.scalar(sa.select(sa.func.count(Inquiry.id))) or 0,
        undelivered=connection.scalar(sa.select(sa.func.count(OutboxMessage.id)).where(undelivered))
        or 0,
        canaries={name: b64encode(text).decode() for name, text in canaries.items()},
    )
