"""Making a backup while the site runs, on either database."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from app import clock
from app.db import Database
from app.ops import backup_archive, backup_postgres, backup_sqlite
from app.ops.backup_archive import BackupError, Manifest
from app.ops.version import version

LAST_BACKUP = "last_backup"  # a file in the instance folder


def engine_of(database: Database) -> ModuleType:
    """The module that copies databases of this kind, and puts copies in place."""
    return backup_sqlite if database.engine.dialect.name == "sqlite" else backup_postgres


def make_backup(database: Database, path: Path) -> Manifest:
    """Write a backup to the new file ``path``; it is on disk when this returns.

    Raises BackupError, also when the file is there already.
    """
    if path.exists():  # said before the work, and made sure of after it
        raise BackupError(f"{path} exists already; nothing was written")
    with workshop(path.parent) as folder:
        payload = folder / backup_archive.PAYLOAD
        now = clock.now()
        facts = engine_of(database).copy(database, payload)
        manifest = Manifest(
            format=backup_archive.FORMAT,
            version=version(),
            made_at=now.isoformat(timespec="seconds"),
            database=database.engine.dialect.name,
            sha256=backup_archive.digest_of(payload),
            facts=facts,
        )
        backup_archive.write(path, manifest, payload)
    return manifest


def note_backup(instance: Path, made_at: str) -> None:
    """Leave the time of the last backup for those who watch over it."""
    instance.mkdir(parents=True, exist_ok=True)
    unfinished = instance / f".{LAST_BACKUP}"
    unfinished.write_text(f"{made_at}\n", encoding="ascii")
    unfinished.replace(instance / LAST_BACKUP)


def last_backup(instance: Path) -> datetime | None:
    """When `flask backup` last ended well, as far as ``instance`` knows."""
    try:
        at = datetime.fromisoformat((instance / LAST_BACKUP).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def file_name(moment: datetime) -> str:
    """A name that sorts by time: ``frontdesk-20261123T153000Z.backup``."""
    return f"frontdesk-{moment:%Y%m%dT%H%M%SZ}.backup"


@contextmanager
def workshop(beside: Path) -> Iterator[Path]:
    """A folder of our own for a while, on the same disk as ``beside``. Raises BackupError."""
    try:
        folder = tempfile.TemporaryDirectory(dir=beside, prefix=".frontdesk-")
    except OSError as error:
        raise BackupError(f"cannot write to {beside}: {error.strerror}") from None
    with folder as name:  # tempfile makes it 0700
        yield Path(name)
