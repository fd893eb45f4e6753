"""What stands in a database, of whatever revision, at the moment of its copy."""

import sqlalchemy as sa

from app import scheduler  # noqa: F401  (their records belong to the metadata)
from app.contact.models import Inquiry
from app.database import (
    Base,
    revisions,
)
from app.encryption import KeyRing
from app.maintenance.backup_archive import BackupContents, BackupError, in_base64
from app.maintenance.encryption_keys import KeyCanary, create_canaries
from app.monitoring import alerts  # noqa: F401  (their records belong to the metadata)
from app.outbox.models import OutboxMessage

VERSIONS = "alembic_version"


def tables_of(connection: sa.Connection) -> list[str]:
    """Our tables, those that there are."""
    there = set(sa.inspect(connection).get_table_names())
    return sorted(there & {VERSIONS, *Base.metadata.tables})


def count_rows_in(connection: sa.Connection) -> int:
    """How many inquiries and mails stand in the database; 0 before the first migration."""
    there = tables_of(connection)
    counts = (
        connection.scalar(sa.select(sa.func.count(record.id)))
        for record in (Inquiry, OutboxMessage)
        if record.__tablename__ in there
    )
    return sum(count or 0 for count in counts)


def contents_of(connection: sa.Connection, keys: KeyRing) -> BackupContents:
    """Raises BackupError when there is nothing that could be backed up."""
    revision = revisions.revision_of(connection)
    if revision is None:
        raise BackupError("the database is empty: nothing to back up")
    tables = tables_of(connection)
    inquiries = connection.scalar(sa.select(sa.func.count(Inquiry.id)))
    undelivered = connection.scalar(
        sa.select(sa.func.count(OutboxMessage.id)).where(OutboxMessage.due_at.is_not(None))
    )
    return BackupContents(
        revision=revision,
        tables=tables,
        inquiries=inquiries or 0,
        undelivered=undelivered or 0,
        canaries=in_base64(
            _canaries(connection, tables) or create_canaries(keys, keys.fingerprints)
        ),
    )


def _canaries(connection: sa.Connection, tables: list[str]) -> dict[str, bytes]:
    if KeyCanary.__tablename__ not in tables:
        return {}
    rows = connection.execute(sa.select(KeyCanary.fingerprint, KeyCanary.encrypted_text))
    return {row.fingerprint: row.encrypted_text for row in rows}
