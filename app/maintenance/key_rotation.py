"""Re-encrypt all rows with the newest key, in short transactions, while the site runs."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.contact import search_index
from app.contact.models import Inquiry
from app.contact.notes import InquiryNote
from app.database import Database
from app.outbox.models import OutboxMessage

BATCH_SIZE = 100  # rows in one short transaction: a few milliseconds
PAUSE_SECONDS = 0.02  # seconds between transactions, so that requests can write
MAX_PASSES = 5

EncryptedRow = sa.Row[Any, bytes]  # id, content
COLUMNS: tuple[Any, ...] = (
    Inquiry.encrypted_content, InquiryNote.encrypted_text, OutboxMessage.encrypted_message
)  # fmt: skip


@dataclass
class RotationResult:
    """What a rotation did. ``complete`` means that no row needs an older key any more."""

    reencrypted: int = 0
    undecryptable: int = 0
    complete: bool = False


def rotate_keys(database: Database) -> RotationResult:
    """Pass over all rows until none needs an older key, at most ``MAX_PASSES`` times.

    Rows that no key can decrypt are left as they are. A rotation can be interrupted and
    started again at any time. A complete one also rebuilds the search index.
    """
    result = RotationResult()
    for _ in range(MAX_PASSES):
        result.undecryptable, outdated = 0, 0
        for column in COLUMNS:
            for batch in _batches(database, column):
                keys = [database.keys.key_of(content) for _, content in batch]
                result.undecryptable += keys.count(None)
                current = (None, database.keys.fingerprints[0])
                rows = [row for row, key in zip(batch, keys, strict=True) if key not in current]
                outdated += len(rows)
                result.reencrypted += _reencrypt(database, column, rows)
        if not outdated:
            search_index.rebuild(database)
            result.complete = True
            break
    return result


def count_rows_by_key(database: Database) -> Counter[str | None]:
    """Count the rows that each key encrypts, by fingerprint; None counts the undecryptable."""
    return Counter(
        database.keys.key_of(content)
        for column in COLUMNS
        for batch in _batches(database, column)
        for _, content in batch
    )


def _batches(database: Database, column: Any) -> Iterator[Sequence[EncryptedRow]]:
    """Yield the id and content of all rows with content in ``column``, ordered by id."""
    table = column.class_
    query = sa.select(table.id, column).where(sa.func.length(column) > 0).order_by(table.id)
    batch: Sequence[EncryptedRow] = ()
    while True:
        after = [table.id > batch[-1][0]] if batch else []
        with database.read_session() as session:
            batch = session.execute(query.where(*after).limit(BATCH_SIZE)).all()
        if not batch:
            return
        yield batch


def _reencrypt(database: Database, column: Any, rows: Sequence[EncryptedRow]) -> int:
    """Re-encrypt ``rows``, except those that others change meanwhile. Returns how many."""
    if not rows:
        return 0
    updates = [(row_id, old, database.keys.reencrypt(old)) for row_id, old in rows]
    updated = 0
    with database.session() as session:
        for row_id, old, new in updates:
            query = (
                sa.update(column.class_)
                .where(column.class_.id == row_id, column == old)
                .values({column.key: new})
                .returning(column.class_.id)
                .execution_options(synchronize_session=False)
            )
            updated += session.execute(query).one_or_none() is not None
    time.sleep(PAUSE_SECONDS)
    return updated
