"""Restore a backup, with the outbox paused.

Every check is made before anything is changed. The current content is backed up first,
while new inquiries are rejected: every inquiry that was acknowledged is in the restored
database or in that backup.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.contact.models import Inquiry, InquiryState
from app.database import Database
from app.database.key_check_values import require_keys
from app.database.revisions import get_revision, known_revisions, require_known_revision
from app.maintenance import backup, backup_archive, erasure_list
from app.maintenance.backup import RESTORE_GUARD, schema_differences
from app.maintenance.backup_archive import BackupError, Manifest
from app.maintenance.backup_folder import backup_file_name, work_folder
from app.maintenance.erasure import erase_inquiry
from app.maintenance.retention import REPLACED_BACKUPS
from app.maintenance.vacuum import purge_deleted
from app.outbox.models import OutboxMessage, State

MAX_BLOCK = timedelta(minutes=15)  # inquiries are accepted again even if this process is killed
MARGIN = timedelta(minutes=1)  # to get the locks for replacing the content
BLOCK_INQUIRIES = {
    "sqlite": (
        f"CREATE TRIGGER {RESTORE_GUARD} BEFORE INSERT ON inquiry"
        " WHEN datetime('now') < '{until:%Y-%m-%d %H:%M:%S}'"
        " BEGIN SELECT RAISE(ABORT, 'a restore is in progress'); END"
    ),
    "postgresql": (
        f"ALTER TABLE inquiry ADD CONSTRAINT {RESTORE_GUARD}"
        " CHECK (clock_timestamp() > '{until}') NOT VALID"
    ),
}
ALLOW_INQUIRIES = {
    "sqlite": f"DROP TRIGGER IF EXISTS {RESTORE_GUARD}",
    "postgresql": f"ALTER TABLE IF EXISTS inquiry DROP CONSTRAINT IF EXISTS {RESTORE_GUARD}",
}


def read_backup(database: Database, path: Path) -> Manifest:
    """Return the manifest of a backup that can be restored to ``database``.

    Raises BackupError or MissingKeyError.
    """
    manifest = backup_archive.read_manifest(path, database.keys)
    dialect = database.engine.dialect.name
    if manifest.database != dialect:
        raise BackupError(f"{path} is from {manifest.database}, but DATABASE_URL names {dialect}")
    if manifest.contents.revision not in known_revisions():
        raise BackupError(
            f"{path} has revision {manifest.contents.revision}, which this code does not know:"
            " restore it with the version that made it"
        )
    if differences := schema_differences(manifest.contents):
        raise BackupError(
            f"{path} has other tables than this version: {', '.join(differences[:3])}"
        )
    require_keys(manifest.contents.key_check_values, database.keys)
    return manifest


def count_rows(database: Database) -> int:
    """Return how many inquiries and messages a restore would replace.

    Raises BackupError or UnknownRevisionError.
    """
    try:
        with database.read_session() as session:
            connection = session.connection()
            require_known_revision(get_revision(connection))
            tables = backup.existing_tables(connection)
            models = (model for model in (Inquiry, OutboxMessage) if model.__tablename__ in tables)
            counts = [session.scalar(sa.select(sa.func.count(model.id))) for model in models]
    except SQLAlchemyError as error:
        raise BackupError(
            f"the current database cannot be read ({type(error).__name__}): start it,"
            " or move the damaged one away"
        ) from None
    return sum(count or 0 for count in counts)


def restore_backup(
    database: Database,
    path: Path,
    manifest: Manifest,
    *,
    instance: Path,
    upgrade: Callable[[], None],
) -> tuple[Path | None, int]:
    """Restore the backup ``path``, apply migrations with ``upgrade`` and pause the outbox.

    Returns the backup of the replaced content, if there was any, and the number of inquiries
    erased again because they were erased after the backup was made: those that the database, or
    a list in ``instance`` or beside the backup, names. Raises BackupError; nothing is changed
    then.
    """
    backend = backup.get_backend(database)
    with work_folder(instance) as folder:
        payload = folder / backup_archive.PAYLOAD
        backup_archive.unpack(path, manifest, payload)
        with database.read_session() as session:
            has_table = Inquiry.__tablename__ in backup.existing_tables(session.connection())
        deadline = clock.now() + MAX_BLOCK - MARGIN
        if has_table:
            block_inquiries(database, MAX_BLOCK)
        try:
            previous_backup = _back_up_current(database, instance)
            # Also written to the list: if this process is killed, the next restore reads it.
            erased = erasure_list.update_list(database, instance, path.absolute().parent)
            reason = f"restored from a backup of {manifest.created_at:%Y-%m-%d %H:%M} UTC"
            if clock.now() > deadline:  # inquiries may be accepted before the content is replaced
                raise BackupError("backing up the current content took too long: nothing restored")
            backend.replace_content(database, payload, manifest.contents, reason)
        finally:
            allow_inquiries(database)
    upgrade()
    erased_again = _update_restored_rows(database, erased)
    purge_deleted(database)
    return previous_backup, erased_again


def block_inquiries(database: Database, duration: timedelta) -> None:
    """Reject new inquiries for ``duration``, so that none is lost when the content is replaced.

    Requests answer 503 meanwhile.
    """
    allow_inquiries(database)
    with database.session() as session:
        statement = BLOCK_INQUIRIES[database.engine.dialect.name]
        until = database.now(session) + duration
        session.connection().exec_driver_sql(statement.format(until=until))


def allow_inquiries(database: Database) -> None:
    """Accept inquiries again."""
    with database.session() as session:
        statement = ALLOW_INQUIRIES[database.engine.dialect.name]
        session.connection().exec_driver_sql(statement)


def _back_up_current(database: Database, instance: Path) -> Path | None:
    if not count_rows(database):
        return None
    path = instance / REPLACED_BACKUPS.replace("*", backup_file_name(clock.now()))
    backup.create_backup(database, path)
    return path


def _update_restored_rows(database: Database, erased: set[str]) -> int:
    """End leases from the time of the backup, and erase ``erased`` again. Returns how many."""
    with database.session() as session:
        now = database.now(session)
        session.execute(
            sa.update(OutboxMessage)
            .where(OutboxMessage.state == State.SENDING)
            .values(state=State.PENDING, due_at=now, lease_token=None, owner=None)
        )
        query = sa.select(Inquiry).where(Inquiry.state != InquiryState.ERASED)
        restored = [row for row in session.scalars(query) if row.reference in erased]
        for inquiry in restored:
            erase_inquiry(session, inquiry, now)
    return len(restored)
