"""Finds lost and duplicate inquiries: compares the clients' records with the site's database and
the messages that the mail server received.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from uuid import UUID

import sqlalchemy as sa

from app.contact.models import Inquiry, InquiryState
from app.database import Database
from app.outbox.models import Kind, OutboxMessage, State
from tests.faults.clients import Submission

MARKER = re.compile(r"marker-[0-9]{39}")


@dataclass(frozen=True)
class Message:
    """A message that the mail server received. ``marker`` is empty if it is not an inquiry."""

    message_id: str
    marker: str


@dataclass(frozen=True)
class OutboxRow:
    """A row of the outbox."""

    id: UUID
    reference: str
    message_id: str
    state: str
    kind: str = Kind.EMAIL


@dataclass(frozen=True)
class Records:
    """The inquiries and outbox rows in the site's database, without quarantined inquiries."""

    references: frozenset[str]
    rows: tuple[OutboxRow, ...]


@dataclass(frozen=True)
class DeliveryCheck:
    """The result. ``lost`` and ``duplicates`` have one line for each problem."""

    acknowledged: int
    delivered: int
    dead: int
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]


def read_message(content: bytes) -> Message:
    parsed = BytesParser(policy=policy.default).parsebytes(content)
    body = parsed.get_body(("plain",))
    marker = MARKER.search(body.get_content() if body else "")
    return Message(str(parsed["Message-ID"]).strip(), marker.group() if marker else "")


def read_records(database: Database) -> Records:
    received = sa.select(Inquiry.reference).where(Inquiry.state != InquiryState.QUARANTINED)
    columns = (
        OutboxMessage.id,
        OutboxMessage.reference,
        OutboxMessage.message_id,
        OutboxMessage.state,
        OutboxMessage.kind,
    )
    with database.read_session() as session:
        rows = tuple(OutboxRow(*row) for row in session.execute(sa.select(*columns)))
        return Records(frozenset(session.scalars(received)), rows)


def check_delivery(
    submissions: Sequence[Submission],
    records: Records,
    messages: Sequence[Message],
    listed: Iterable[UUID],
    *,
    rows_may_be_missing: bool = False,
) -> DeliveryCheck:
    """Check that each acknowledged inquiry was delivered exactly once.

    ``listed``: the dead messages that ``flask outbox list`` shows; they do not count as lost.
    ``rows_may_be_missing``: after restoring an old backup, only the received messages count.
    """
    seen = set(listed)
    dead = {row.reference for row in records.rows if row.state == State.DEAD and row.id in seen}
    acknowledged = [submission for submission in submissions if submission.acknowledged]
    delivered = {message.marker for message in messages}
    lost = _lost_rows(records, messages, seen) | {
        reference: "acknowledged, but no message was received"
        for submission in acknowledged
        for reference in submission.references
        if submission.marker not in delivered and reference not in dead
    }
    if not rows_may_be_missing:
        lost |= {
            reference: "acknowledged, but there is no row"
            for submission in acknowledged
            for reference in submission.references
            if reference not in records.references
        }
    return DeliveryCheck(
        acknowledged=len(acknowledged),
        delivered=sum(submission.marker in delivered for submission in acknowledged),
        dead=sum(row.state == State.DEAD for row in records.rows),
        lost=tuple(f"{reference}: {reason}" for reference, reason in sorted(lost.items())),
        duplicates=tuple(_duplicates(submissions, messages)),
    )


def _lost_rows(records: Records, messages: Sequence[Message], seen: set[UUID]) -> dict[str, str]:
    received = {message.message_id for message in messages}
    queued = {row.reference for row in records.rows}
    lost = dict.fromkeys(records.references - queued, "an inquiry without an outbox row")
    for row in records.rows:
        if row.state == State.DELIVERED and row.message_id not in received:
            lost[row.reference] = "marked as delivered, but no message was received"
        elif row.state == State.DEAD and row.id not in seen:
            lost[row.reference] = "dead, but not listed"
        elif row.state == State.CANCELLED and row.message_id in received:
            pass  # pending in a restored backup, and cancelled by the operator
        elif row.state == State.CANCELLED and row.kind != Kind.EMAIL:
            pass  # the inquiry was answered or erased
        elif row.state not in (State.DELIVERED, State.DEAD):
            lost[row.reference] = f"still {row.state}"
    return lost


def _duplicates(submissions: Sequence[Submission], messages: Sequence[Message]) -> Iterable[str]:
    """One line for each extra copy of a message, and for each extra inquiry of a submission."""
    for message_id, count in Counter(message.message_id for message in messages).items():
        yield from [f"{message_id} was received again"] * (count - 1)
    message_ids: dict[str, set[str]] = {}
    for message in messages:
        if message.marker:
            message_ids.setdefault(message.marker, set()).add(message.message_id)
    references: dict[str, set[str]] = {}
    for submission in submissions:
        references.setdefault(submission.marker, set()).update(submission.references)
    for marker in message_ids | references:
        count = max(len(message_ids.get(marker, ())), len(references.get(marker, ())))
        yield from [f"{marker} became {count} inquiries"] * (count - 1)
