"""Re-encrypt all rows with the newest key, in short transactions, while the site runs."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.contact.models import Inquiry
from app.database import Database
from app.maintenance import ProgressCallback
from app.outbox.models import OutboxMessage

BATCH = 100  # rows in one short transaction: a few milliseconds
PAUSE = 0.02  # seconds between transactions, so that requests can write
MAX_PASSES = 5

EncryptedRow = sa.Row[UUID, bytes]
COLUMNS: tuple[Any, ...] = (Inquiry.encrypted_content, OutboxMessage.encrypted_message)


@dataclass
class PassResult:
    """What one pass over all rows did. Rows that others change at the same time, and rows
    that no key can decrypt, are left as they are.
    """

    reencrypted: int = 0
    changed_concurrently: int = 0
    undecryptable: int = 0


@dataclass(frozen=True)
class RotationResult:
    """``complete`` means that the last pass found no row encrypted with an older key."""

    reencrypted: int
    undecryptable: int
    complete: bool


def rotate_keys(database: Database, on_progress: ProgressCallback) -> RotationResult:
    """Pass over all rows until none needs an older key, at most ``MAX_PASSES`` times.

    It can be interrupted and started again at any time. ``on_progress`` gets the number of
    rows read in the current pass.
    """
    reencrypted = 0
    for _ in range(MAX_PASSES):
        result = _pass(database, on_progress)
        reencrypted += result.reencrypted
        complete = not (result.reencrypted or result.changed_concurrently)
        if complete:
            break
    return RotationResult(reencrypted, result.undecryptable, complete)


def count_rows_by_key(database: Database) -> Counter[str | None]:
    """Count the rows that each key encrypts, by fingerprint; None counts the undecryptable."""
    return Counter(
        database.keys.key_of(row[1])
        for column in COLUMNS
        for batch in _batches(database, column)
        for row in batch
    )


def count_encrypted_rows(database: Database) -> int:
    """Count the rows that one pass reads."""
    with database.read_session() as session:
        counts = [
            session.scalar(sa.select(sa.func.count()).where(sa.func.length(column) > 0))
            for column in COLUMNS
        ]
    return sum(count or 0 for count in counts)


def _pass(database: Database, on_progress: ProgressCallback) -> PassResult:
    result, seen = PassResult(), 0
    for column in COLUMNS:
        for batch in _batches(database, column):
            _reencrypt(database, column, batch, result)
            seen += len(batch)
            on_progress(seen)
    return result


def _batches(database: Database, column: Any) -> Iterator[Sequence[EncryptedRow]]:
    """Yield the id and content of all rows with content in ``column``, ordered by id."""
    table = column.class_
    last: UUID | None = None
    while True:
        query = sa.select(table.id, column).where(sa.func.length(column) > 0)
        if last:
            query = query.where(table.id > last)
        with database.read_session() as session:
            batch = session.execute(query.order_by(table.id).limit(BATCH)).all()
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def _reencrypt(
    database: Database, column: Any, batch: Sequence[EncryptedRow], result: PassResult
) -> None:
    newest = database.keys.fingerprints[0]
    keys = [database.keys.key_of(row[1]) for row in batch]
    result.undecryptable += keys.count(None)
    outdated = [row for row, key in zip(batch, keys, strict=True) if key not in (None, newest)]
    if not outdated:
        return
    updates = [(row_id, old, database.keys.reencrypt(old)) for row_id, old in outdated]
    with database.session() as session:
        for row_id, old, new in updates:
            # Only if unchanged: a change made in the meantime stays.
            updated = session.execute(
                sa.update(column.class_)
                .where(column.class_.id == row_id, column == old)
                .values({column.key: new})
                .returning(column.class_.id)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            result.reencrypted += updated is not None
            result.changed_concurrently += updated is None
    time.sleep(PAUSE)
