"""Export inquiries to a file."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.contact.models import Inquiry, InquiryData, InquiryState
from app.database import Database
from app.encryption import UnknownKeyError

BATCH = 200  # inquiries read in one short transaction
CONTENT_FIELDS = tuple(item.name for item in fields(InquiryData) if item.name != "phone_e164")
COLUMNS = ("reference", "received_at", "state", *CONTENT_FIELDS)
# First characters that spreadsheets take for a formula, also in full width (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = Mapping[str, str | bool]
RowWriter = Callable[[Row], object]


@dataclass
class ExportResult:
    """The number of rows written, and the references of those that could not be decrypted."""

    rows: int = 0
    undecryptable: list[str] = field(default_factory=list)


def received_since(since: datetime | None) -> sa.ColumnElement[bool]:
    """Select inquiries that are not erased and were received at ``since`` or later."""
    not_erased = Inquiry.state != InquiryState.ERASED
    return sa.and_(not_erased, Inquiry.created_at >= since) if since else not_erased


def csv_writer(file: TextIO) -> RowWriter:
    """Write a header; return a function that writes rows, safe to open in a spreadsheet."""
    out = csv.DictWriter(file, COLUMNS)
    out.writeheader()
    return lambda row: out.writerow({name: _csv_cell(value) for name, value in row.items()})


def json_lines_writer(file: TextIO) -> RowWriter:
    """Return a function that writes rows as JSON, one object per line."""
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def export_inquiries(
    database: Database, since: datetime | None, zone: ZoneInfo, write_row: RowWriter
) -> Iterator[ExportResult]:
    """Write the inquiries, oldest first. Yields the result so far after each batch."""
    result, last = ExportResult(), None
    while batch := _batch(database, since, last):
        for inquiry in batch:
            try:
                data = inquiry.decrypt(database.keys)
            except UnknownKeyError:
                data = None
                result.undecryptable.append(inquiry.reference)
            write_row(_row(inquiry, data, zone))
            result.rows += 1
        last = batch[-1]
        yield result


def _batch(database: Database, since: datetime | None, last: Inquiry | None) -> list[Inquiry]:
    query = sa.select(Inquiry).where(received_since(since))
    if last:
        # Literals of the columns' types, which a tuple does not pass on to its members.
        after = sa.tuple_(
            sa.literal(last.created_at, Inquiry.created_at.type),
            sa.literal(last.id, Inquiry.id.type),
        )
        query = query.where(sa.tuple_(Inquiry.created_at, Inquiry.id) > after)
    with database.read_session() as session:
        ordered = query.order_by(Inquiry.created_at, Inquiry.id).limit(BATCH)
        return list(session.scalars(ordered))


def _row(inquiry: Inquiry, data: InquiryData | None, zone: ZoneInfo) -> Row:
    """One inquiry; without ``data`` its content fields are empty."""
    return {
        "reference": inquiry.reference,
        "received_at": inquiry.created_at.astimezone(zone).isoformat(timespec="seconds"),
        "state": inquiry.state if data else "encrypted with a missing key",
        **{name: getattr(data, name) if data else "" for name in CONTENT_FIELDS},
    }


def _csv_cell(value: str | bool) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if value.startswith(FORMULA) else value
