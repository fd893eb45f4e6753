"""Restore a backup, with the outbox paused.

Every check is made before anything is changed. The current content is backed up first,
while new inquiries are rejected: every inquiry that was acknowledged is in the restored
database or in that backup.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.contact.models import Inquiry, InquiryState
from app.database import Database
from app.database.revisions import known_revisions, require_known_revision, revision_of
from app.maintenance import backup, backup_archive
from app.maintenance.backup_archive import BackupError, Manifest
from app.maintenance.encryption_keys import require_keys
from app.maintenance.erasure import erase_inquiry
from app.maintenance.vacuum import purge_deleted
from app.outbox.models import MailerHeartbeat, OutboxMessage, State

MAX_GATE = timedelta(minutes=15)  # inquiries are accepted again even if this process is killed


@dataclass(frozen=True)
class RestoreResult:
    """The backup of the replaced content, if there was any, and the number of inquiries
    erased again because they were erased after the backup was made.
    """

    previous_backup: Path | None
    erased_again: int


def read_backup(database: Database, path: Path) -> Manifest:
    """Return the manifest of a backup that can be restored to ``database``.

    Raises BackupError or MissingKeyError.
    """
    manifest = backup_archive.read_manifest(path)
    dialect = database.engine.dialect.name
    if manifest.database != dialect:
        raise BackupError(f"{path} is from {manifest.database}, but DATABASE_URL names {dialect}")
    if manifest.contents.revision not in known_revisions():
        raise BackupError(
            f"{path} has revision {manifest.contents.revision}, which this code does not know:"
            " restore it with the version that made it"
        )
    require_keys(manifest.contents.encrypted_canaries(), database.keys)
    return manifest


def count_rows(database: Database) -> int:
    """Return how many inquiries and messages a restore would replace.

    Raises BackupError or UnknownRevisionError.
    """
    file = database.engine.url.database or ""
    if database.engine.dialect.name == "sqlite" and not Path(file).exists():
        return 0
    try:
        with database.read_session() as session:
            connection = session.connection()
            require_known_revision(revision_of(connection))
            tables = backup.existing_tables(connection)
            counts = [
                session.scalar(sa.select(sa.func.count(model.id)))
                for model in (Inquiry, OutboxMessage)
                if model.__tablename__ in tables
            ]
    except SQLAlchemyError as error:
        raise BackupError(
            f"the current database cannot be read ({type(error).__name__}): start it,"
            " or move the damaged one away"
        ) from None
    return sum(count or 0 for count in counts)


def restore_backup(
    database: Database,
    path: Path,
    *,
    instance: Path,
    replace: bool,
    upgrade: Callable[[], None],
) -> RestoreResult:
    """Restore the backup ``path``, apply migrations with ``upgrade`` and pause the outbox.

    Raises what ``read_backup`` raises; nothing is changed then.
    """
    manifest = read_backup(database, path)
    file = database.engine.url.database or ""
    folder = Path(file).parent if manifest.database == "sqlite" else instance
    folder.mkdir(parents=True, exist_ok=True)
    instance.mkdir(parents=True, exist_ok=True)
    backend = backup.backend_for(database)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".frontdesk-") as name:
        payload = Path(name) / backup_archive.PAYLOAD
        backup_archive.unpack(path, manifest, payload)
        backend.verify(payload)
        has_table = _has_inquiry_table(database)
        if has_table:
            backend.close_gate(database, int(MAX_GATE.total_seconds()))
        try:
            previous_backup = _back_up_current(database, instance, replace=replace)
            erased = _erased_references(database) if has_table else set()
            reason = f"restored from a backup of {manifest.created_at}"
            backend.replace_content(database, payload, manifest.contents, reason)
        except BaseException:
            if has_table:
                backend.open_gate(database)
            raise
    upgrade()
    erased_again = _clean_up(database, erased)
    purge_deleted(database)
    return RestoreResult(previous_backup, erased_again)


def _has_inquiry_table(database: Database) -> bool:
    with database.read_session() as session:
        return Inquiry.__tablename__ in backup.existing_tables(session.connection())


def _back_up_current(database: Database, instance: Path, *, replace: bool) -> Path | None:
    rows = count_rows(database)
    if not rows:
        return None
    if not replace:
        raise BackupError(f"the database is not empty ({rows} rows): use --replace")
    path = _unused(instance / f"before-restore-{backup.backup_file_name(clock.now())}")
    backup.create_backup(database, path)
    return path


def _unused(file: Path) -> Path:
    """``file``, or a numbered name if it exists: two restores may be made in one second."""
    numbered = (file.with_stem(f"{file.stem}-{number}") for number in range(2, 100))
    return next((path for path in (file, *numbered) if not path.exists()), file)


def _erased_references(database: Database) -> set[str]:
    """What was erased until now, which an older backup must not bring back."""
    with database.read_session() as session:
        query = sa.select(Inquiry.reference).where(Inquiry.state == InquiryState.ERASED)
        return set(session.scalars(query))


def _clean_up(database: Database, erased: set[str]) -> int:
    """Drop leases and heartbeats from the time of the backup, and erase ``erased`` again."""
    with database.session() as session:
        now = database.now(session)
        session.execute(sa.delete(MailerHeartbeat))
        session.execute(
            sa.update(OutboxMessage)
            .where(OutboxMessage.due_at.is_not(None), OutboxMessage.state == State.SENDING)
            .values(state=State.PENDING, due_at=now, lease_token=None, owner=None)
        )
        query = sa.select(Inquiry).where(Inquiry.state != InquiryState.ERASED)
        restored = [row for row in session.scalars(query) if row.reference in erased]
        for inquiry in restored:
            erase_inquiry(session, inquiry, now)
    return len(restored)
