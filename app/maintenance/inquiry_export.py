"""Inquiries as rows of a file, for the front desk's own records."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.contact.models import Inquiry, InquiryData, InquiryState
from app.database import Database
from app.encryption import UnknownKeyError

BATCH = 200  # inquiries read in one short transaction
CONTENT_FIELDS = tuple(one.name for one in fields(InquiryData) if one.name != "phone_e164")
COLUMNS = ("reference", "received_at", "state", *CONTENT_FIELDS)
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), also in full width.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = Mapping[str, str | bool]
Write = Callable[[Row], object]


@dataclass
class ExportResult:
    """How many rows went out, and the references of those that no key opens."""

    rows: int = 0
    undecryptable: list[str] = field(default_factory=list)


def selected(since: datetime | None) -> sa.ColumnElement[bool]:
    """Inquiries that are not erased, received at ``since`` or later."""
    left = Inquiry.state != InquiryState.ERASED
    return sa.and_(left, Inquiry.created_at >= since) if since else left


def csv_writer(file: TextIO) -> Write:
    """A writer of rows that a spreadsheet shows and does not run."""
    out = csv.DictWriter(file, COLUMNS)
    out.writeheader()
    return lambda row: out.writerow({name: _harmless(value) for name, value in row.items()})


def json_lines_writer(file: TextIO) -> Write:
    """A writer of JSON, one object a line."""
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def export_inquiries(
    database: Database, since: datetime | None, zone: ZoneInfo, write: Write
) -> Iterator[ExportResult]:
    """Write the selected inquiries in the order in which they came; yields how far it is."""
    written, last = ExportResult(), None
    while batch := _batch(database, since, last):
        for inquiry in batch:
            try:
                words = inquiry.decrypt(database.keys)
            except UnknownKeyError:
                words = None
                written.undecryptable.append(inquiry.reference)
            write(_row(inquiry, words, zone))
            written.rows += 1
        last = batch[-1]
        yield written


def _batch(database: Database, since: datetime | None, last: Inquiry | None) -> list[Inquiry]:
    query = sa.select(Inquiry).where(selected(since))
    if last:
        place = sa.tuple_(Inquiry.created_at, Inquiry.id)
        query = query.where(place > sa.tuple_(*_bound(last)))
    with database.read_session() as session:
        ordered = query.order_by(Inquiry.created_at, Inquiry.id).limit(BATCH)
        return list(session.scalars(ordered))


def _bound(last: Inquiry) -> tuple[Any, Any]:
    """Bound in the columns' own types, which the parts of a tuple do not pass on."""
    return (
        sa.literal(last.created_at, Inquiry.created_at.type),
        sa.literal(last.id, Inquiry.id.type),
    )


def _row(inquiry: Inquiry, words: InquiryData | None, zone: ZoneInfo) -> Row:
    """One inquiry; its words are empty when no key opens them."""
    return {
        "reference": inquiry.reference,
        "received_at": inquiry.created_at.astimezone(zone).isoformat(timespec="seconds"),
        "state": inquiry.state if words else "sealed with a missing key",
        **{name: getattr(words, name) if words else "" for name in CONTENT_FIELDS},
    }


def _harmless(value: str | bool) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if value.startswith(FORMULA) else value
