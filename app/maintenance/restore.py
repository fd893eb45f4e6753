"""Putting a backup in the database's place, and the outbox on hold.

Everything that can be wrong is found before anything is changed. What stood in
the database is backed up first, behind a closed gate: every inquiry that was
acknowledged is in the restored database or in that backup.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.contact.models import Inquiry, InquiryState
from app.database import Database
from app.database.revisions import known_revisions, require_known_revision, revision_of
from app.encryption import KeyRing
from app.maintenance import ProgressCallback, backup, backup_archive, no_progress
from app.maintenance.backup_archive import BackupError, Manifest
from app.maintenance.backup_facts import count_rows_in, tables_of
from app.maintenance.encryption_keys import require_keys
from app.maintenance.erasure import erase_inquiry
from app.maintenance.vacuum import purge_deleted
from app.outbox.models import MailerHeartbeat, OutboxMessage, State

GATE = timedelta(minutes=15)  # it opens by itself, should this process be killed


@dataclass(frozen=True)
class RestoreResult:
    """What was done: where the replaced content is kept, if there was any, and how many
    inquiries were erased again because they had been erased since the backup.
    """

    kept_in: Path | None
    erased_again: int


def read_backup(database: Database, path: Path) -> Manifest:
    """What is in the backup ``path``, if it can be restored here. Raises BackupError
    or MissingKeyError.
    """
    manifest = backup_archive.read_manifest(path)
    ours = database.engine.dialect.name
    if manifest.database != ours:
        raise BackupError(f"{path} is of {manifest.database}, and DATABASE_URL names {ours}")
    if manifest.contents.revision not in known_revisions():
        raise BackupError(
            f"{path} has revision {manifest.contents.revision}, which this code does not know:"
            " restore it with the version that made it"
        )
    _open_canaries(manifest, database.keys)
    return manifest


def count_rows(database: Database) -> int:
    """How many inquiries and mails would be replaced. Raises BackupError,
    UnknownRevisionError.
    """
    place = database.engine.url.database or ""
    if database.engine.dialect.name == "sqlite" and not Path(place).exists():
        return 0
    try:
        with database.read_session() as session:
            connection = session.connection()
            require_known_revision(revision_of(connection))
            return count_rows_in(connection)
    except SQLAlchemyError as error:
        raise BackupError(
            f"the present database cannot be read ({type(error).__name__}): start it,"
            " or move the damaged one away"
        ) from None


def restore_backup(  # noqa: PLR0913  (what is put where, and how)
    database: Database,
    path: Path,
    *,
    instance: Path,
    replace: bool,
    upgrade: Callable[[], None],
    on_progress: ProgressCallback = no_progress,
) -> RestoreResult:
    """Put the backup ``path`` in place, bring it to this version with ``upgrade`` and leave
    the outbox on hold; ``on_progress`` gets the bytes unpacked so far. Raises what ``read_backup``
    raises; nothing is changed then.
    """
    manifest = read_backup(database, path)
    place = database.engine.url.database or ""
    folder = Path(place).parent if manifest.database == "sqlite" else instance
    folder.mkdir(parents=True, exist_ok=True)
    instance.mkdir(parents=True, exist_ok=True)
    engine = backup.backend_for(database)
    with backup.temporary_folder(folder) as workspace:
        payload = workspace / backup_archive.PAYLOAD
        backup_archive.unpack(path, manifest, payload, on_progress)
        engine.verify(payload)
        gate = _has_inquiries_table(database)
        if gate:
            engine.close_gate(database, int(GATE.total_seconds()))
        try:
            kept_in = _keep_present(database, instance, replace=replace)
            erased = _erased(database)
            reason = f"restored from a backup of {manifest.created_at}"
            engine.put_in_place(database, payload, manifest.contents, reason)
        except BaseException:
            if gate:
                engine.open_gate(database)
            raise
    upgrade()
    again = _settle_in(database, erased)
    purge_deleted(database)
    return RestoreResult(kept_in, again)


def _open_canaries(manifest: Manifest, keys: KeyRing) -> None:
    require_keys(manifest.contents.encrypted_canaries(), keys)


def _has_inquiries_table(database: Database) -> bool:
    with database.read_session() as session:
        return Inquiry.__tablename__ in tables_of(session.connection())


def _keep_present(database: Database, instance: Path, *, replace: bool) -> Path | None:
    rows = count_rows(database)
    if not rows:
        return None
    if not replace:
        raise BackupError(f"the database is not empty ({rows} rows): say --replace")
    kept_in = _free(instance / f"before-restore-{backup.backup_file_name(clock.now())}")
    backup.create_backup(database, kept_in)
    return kept_in


def _free(file: Path) -> Path:
    """``file``, or another name beside it: two restores may be made in one second."""
    names = (file.with_stem(f"{file.stem}-{number}") for number in range(2, 100))
    return next((one for one in (file, *names) if not one.exists()), file)


def _erased(database: Database) -> Sequence[str]:
    """What was erased up to now: a backup from before must not bring it back."""
    with database.read_session() as session:
        if Inquiry.__tablename__ not in tables_of(session.connection()):
            return []
        query = sa.select(Inquiry.reference).where(Inquiry.state == InquiryState.ERASED)
        return session.scalars(query).all()


def _settle_in(database: Database, erased: Sequence[str]) -> int:
    """Leases and heartbeats of a past time mean nothing; what was erased is erased again."""
    again = set(erased)
    with database.session() as session:
        now = database.now(session)
        session.execute(sa.delete(MailerHeartbeat))
        session.execute(
            sa.update(OutboxMessage)
            .where(OutboxMessage.due_at.is_not(None), OutboxMessage.state == State.SENDING)
            .values(state=State.PENDING, due_at=now, lease_token=None, owner=None)
        )
        query = sa.select(Inquiry).where(Inquiry.state != InquiryState.ERASED)
        back = [one for one in session.scalars(query) if one.reference in again] if again else []
        for inquiry in back:
            erase_inquiry(session, inquiry, now)
    return len(back)
