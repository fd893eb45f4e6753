"""Counts LOST and DUP: the clients' records against the rows and the mails received."""

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
from app.outbox.models import OutboxMessage, State
from tests.faults.clients import Submission

MARKER = re.compile(r"marker-[0-9]{39}")


@dataclass(frozen=True)
class Mail:
    """A copy of a mail as the mail server got it. ``marker`` is empty for other mail."""

    message_id: str
    marker: str


@dataclass(frozen=True)
class Row:
    """A row of the outbox."""

    id: UUID
    reference: str
    message_id: str
    state: str


@dataclass(frozen=True)
class Records:
    """What the site's database holds at the end."""

    references: frozenset[str]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class DeliveryCheck:
    """What became of the inquiries. ``lost`` and ``dup`` say what, for each one."""

    acknowledged: int
    delivered: int
    dead: int
    lost: tuple[str, ...]
    dup: tuple[str, ...]


def read_mail(content: bytes) -> Mail:
    parsed = BytesParser(policy=policy.default).parsebytes(content)
    body = parsed.get_body(("plain",))
    found = MARKER.search(body.get_content() if body else "")
    return Mail(str(parsed["Message-ID"]).strip(), found.group() if found else "")


def read_records(database: Database) -> Records:
    received = sa.select(Inquiry.reference).where(Inquiry.state == InquiryState.RECEIVED)
    columns = (
        OutboxMessage.id,
        OutboxMessage.reference,
        OutboxMessage.message_id,
        OutboxMessage.state,
    )
    with database.read_session() as session:
        rows = tuple(Row(*row) for row in session.execute(sa.select(*columns)))
        return Records(frozenset(session.scalars(received)), rows)


def check_delivery(
    sent: Sequence[Submission],
    records: Records,
    mails: Sequence[Mail],
    listed: Iterable[UUID],
    *,
    rows_may_be_gone: bool = False,
) -> DeliveryCheck:
    """``listed``: the dead rows that ``flask outbox list`` shows. ``rows_may_be_gone``:
    after an old backup was put back, only the mails tell.
    """
    seen = set(listed)
    dead = {row.reference for row in records.rows if row.state == State.DEAD and row.id in seen}
    acknowledged = [one for one in sent if one.acknowledged]
    arrived = {mail.marker for mail in mails}
    lost = _lost_rows(records, mails, seen) | {
        reference: "acknowledged, and no mail came"
        for one in acknowledged
        for reference in one.references
        if one.marker not in arrived and reference not in dead
    }
    if not rows_may_be_gone:
        lost |= {
            reference: "acknowledged, and there is no row"
            for one in acknowledged
            for reference in one.references
            if reference not in records.references
        }
    return DeliveryCheck(
        acknowledged=len(acknowledged),
        delivered=sum(one.marker in arrived for one in acknowledged),
        dead=sum(row.state == State.DEAD for row in records.rows),
        lost=tuple(f"{name}: {why}" for name, why in sorted(lost.items())),
        dup=tuple(_copies(sent, mails)),
    )


def _lost_rows(records: Records, mails: Sequence[Mail], seen: set[UUID]) -> dict[str, str]:
    came = {mail.message_id for mail in mails}
    with_mail = {row.reference for row in records.rows}
    lost = dict.fromkeys(records.references - with_mail, "an inquiry without an outbox row")
    for row in records.rows:
        if row.state == State.DELIVERED and row.message_id not in came:
            lost[row.reference] = "called delivered, and no mail came"
        elif row.state == State.DEAD and row.id not in seen:
            lost[row.reference] = "dead, and nobody is told"
        elif row.state == State.CANCELLED and row.message_id in came:
            pass  # a restored backup believed it undelivered; an operator knew better
        elif row.state not in (State.DELIVERED, State.DEAD):
            lost[row.reference] = f"still {row.state}"
    return lost


def _copies(sent: Sequence[Submission], mails: Sequence[Mail]) -> Iterable[str]:
    """One line for each copy too many, and for each second inquiry made of one."""
    for message_id, count in Counter(mail.message_id for mail in mails).items():
        yield from [f"{message_id} came again"] * (count - 1)
    identities: dict[str, set[str]] = {}
    for mail in mails:
        if mail.marker:
            identities.setdefault(mail.marker, set()).add(mail.message_id)
    told: dict[str, set[str]] = {}
    for one in sent:
        told.setdefault(one.marker, set()).update(one.references)
    for marker in identities | told:
        most = max(len(identities.get(marker, ())), len(told.get(marker, ())))
        yield from [f"{marker} became {most} inquiries"] * (most - 1)
