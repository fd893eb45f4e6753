"""Every sealed text goes under the newest key, in small steps, while the site runs."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.contact.models import Inquiry
from app.database import Database
from app.maintenance import ProgressCallback
from app.outbox.models import OutboxMessage

BATCH = 100  # rows for one short transaction: a few milliseconds
PAUSE = 0.02  # seconds between two of them, in which visitors' posts get their turn
MOST_PASSES = 5

Sealed = sa.Row[UUID, bytes]
COLUMNS: tuple[Any, ...] = (Inquiry.encrypted_content, OutboxMessage.encrypted_message)


@dataclass
class PassResult:
    """What one pass over all rows met: how many were put under the newest key, how many
    no key opens, and how many somebody else changed meanwhile.
    """

    reencrypted: int = 0
    changed_concurrently: int = 0
    undecryptable: int = 0


@dataclass
class RotationResult:
    """What came of a rotation. ``complete`` when the last pass found no row under an old key."""

    passes: list[PassResult] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        last = self.passes[-1]
        return not (last.reencrypted or last.changed_concurrently)

    @property
    def reencrypted(self) -> int:
        return sum(one.reencrypted for one in self.passes)

    @property
    def undecryptable(self) -> int:
        return self.passes[-1].undecryptable


def rotate_keys(database: Database, on_progress: ProgressCallback) -> RotationResult:
    """Pass over all rows until none is under an old key, at most ``MOST_PASSES`` times.

    It can be broken off and started again at any point: a row is under the one
    key or under the other. ``on_progress`` gets the number of rows seen, now and then.
    """
    rotation = RotationResult()
    while len(rotation.passes) < MOST_PASSES:
        rotation.passes.append(_pass(database, on_progress))
        if rotation.complete:
            break
    return rotation


def count_rows_by_key(database: Database) -> Counter[str | None]:
    """How many rows each key seals, by fingerprint; None stands for a key we do not have."""
    return Counter(
        database.keys.key_of(row[1])
        for column in COLUMNS
        for batch in _batches(database, column)
        for row in batch
    )


def count_encrypted_rows(database: Database) -> int:
    """How many rows one pass has to look at."""
    with database.read_session() as session:
        counts = [
            session.scalar(sa.select(sa.func.count()).where(sa.func.length(column) > 0))
            for column in COLUMNS
        ]
    return sum(count or 0 for count in counts)


def _pass(database: Database, on_progress: ProgressCallback) -> PassResult:
    passed, seen = PassResult(), 0
    for column in COLUMNS:
        for batch in _batches(database, column):
            _reseal(database, column, batch, passed)
            seen += len(batch)
            on_progress(seen)
    return passed


def _batches(database: Database, column: Any) -> Iterator[Sequence[Sealed]]:
    """All rows with something sealed in ``column``, in the order of their ids."""
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


def _reseal(database: Database, column: Any, batch: Sequence[Sealed], passed: PassResult) -> None:
    newest = database.keys.fingerprints[0]
    openers = [(row, database.keys.key_of(row[1])) for row in batch]
    passed.undecryptable += sum(opener is None for _, opener in openers)
    old = [row for row, opener in openers if opener not in (None, newest)]
    if not old:
        return
    new = [(row, database.keys.reencrypt(row[1])) for row in old]
    with database.session() as session:
        for (identity, before), after in new:
            # On condition of the old text: whoever changed the row meanwhile has won.
            done = session.execute(
                sa.update(column.class_)
                .where(column.class_.id == identity, column == before)
                .values({column.key: after})
                .returning(column.class_.id)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            passed.reencrypted += done is not None
            passed.changed_concurrently += done is None
    time.sleep(PAUSE)
