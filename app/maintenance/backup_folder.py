"""The folder of backups: temporary folders, file names, and which old backups are deleted."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

FILE_NAME = "frontdesk-%Y%m%dT%H%M%SZ.backup"
WORK_FOLDER = ".frontdesk-"  # a prefix
ABANDONED_AFTER = timedelta(minutes=15)  # a running backup writes all the time
DAY = timedelta(days=1)


def backup_file_name(moment: datetime) -> str:
    """Return a name that sorts by time: ``frontdesk-20261123T153000Z.backup``."""
    return f"{moment:{FILE_NAME}}"


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Create a private folder in ``parent`` for this block, after deleting abandoned ones."""
    delete_abandoned_folders(parent)
    with tempfile.TemporaryDirectory(dir=parent, prefix=WORK_FOLDER) as name:
        yield Path(name)


def delete_abandoned_folders(parent: Path) -> None:
    """Delete what backups and restores that were killed left in ``parent``: whole databases.

    A folder in which nothing has been written for ABANDONED_AFTER belongs to no running process.
    The time is the file system's, whose clock may be that of another machine.
    """
    os.utime(parent)
    limit = parent.stat().st_mtime - ABANDONED_AFTER.total_seconds()
    for folder in parent.glob(f"{WORK_FOLDER}*"):
        with suppress(OSError):
            if max(path.stat().st_mtime for path in (folder, *folder.iterdir())) < limit:
                shutil.rmtree(folder)


def delete_old_backups(folder: Path, days: int, now: datetime) -> int:
    """Delete backups by the time in their name. Returns how many.

    Keeps all of the last 24 hours, then the newest of each day for ``days`` days, and always the
    newest of all. Age counts from one day after the newest at most: a clock that is far ahead
    does not delete all older backups.
    """
    backups = {}
    for path in folder.iterdir():
        with suppress(ValueError):  # not the name of a backup
            backups[datetime.strptime(path.name, FILE_NAME).replace(tzinfo=UTC)] = path
    past = sorted((created_at for created_at in backups if created_at <= now), reverse=True)
    kept_days, deleted = set[date](), 0
    for created_at in past:
        age = min(now, past[0] + DAY) - created_at
        if age <= DAY or (age <= days * DAY and created_at.date() not in kept_days):
            kept_days.add(created_at.date())
        else:
            backups[created_at].unlink(missing_ok=True)
            deleted += 1
    return deleted


def sync_folder(folder: Path) -> None:
    """Sync the names of the files in ``folder`` to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
