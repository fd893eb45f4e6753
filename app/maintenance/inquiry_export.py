"""Export inquiries to a file."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TextIO
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.contact.models import Inquiry, InquiryData, InquiryState
from app.database import Database
from app.encryption import KeyRing, UnknownKeyError

BATCH_SIZE = 200  # inquiries read in one short transaction
CONTENT_FIELDS = tuple(item.name for item in fields(InquiryData) if item.name != "phone_e164")
STATE_FIELDS = ("reference", "received_at", "state", "answered_at", "answered_by", "taken_by")
COLUMNS = (*STATE_FIELDS, *CONTENT_FIELDS)
UNDECRYPTABLE = "encrypted with a missing key"  # instead of the state; the content is empty
# First characters that spreadsheets take for a formula, also in full width (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = Mapping[str, str | bool]
RowWriter = Callable[[Row], object]


def csv_writer(file: TextIO) -> RowWriter:
    """Write a header; return a function that writes rows, safe to open in a spreadsheet."""
    out = csv.DictWriter(file, COLUMNS)
    out.writeheader()
    return lambda row: out.writerow({name: _csv_cell(value) for name, value in row.items()})


def json_lines_writer(file: TextIO) -> RowWriter:
    """Return a function that writes rows as JSON, one object per line."""
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def find_inquiries(session: Session, since: datetime | None) -> Sequence[UUID]:
    """Return the inquiries with content, oldest first, received at ``since`` or later."""
    query = sa.select(Inquiry.id).where(Inquiry.state != InquiryState.ERASED)
    if since:
        query = query.where(Inquiry.created_at >= since)
    return session.scalars(query.order_by(Inquiry.created_at, Inquiry.id)).all()


def read_rows(database: Database, ids: Sequence[UUID], zone: ZoneInfo) -> Iterator[Row]:
    """Yield a row with COLUMNS for each inquiry in ``ids`` that has not been erased since."""
    for start in range(0, len(ids), BATCH_SIZE):
        batch = Inquiry.id.in_(ids[start : start + BATCH_SIZE])
        query = sa.select(Inquiry).where(batch, Inquiry.state != InquiryState.ERASED)
        with database.read_session() as session:
            ordered = query.order_by(Inquiry.created_at, Inquiry.id)
            inquiries = session.scalars(ordered).all()
        yield from (_row(inquiry, database.keys, zone) for inquiry in inquiries)


def _row(inquiry: Inquiry, keys: KeyRing, zone: ZoneInfo) -> Row:
    try:
        data = inquiry.decrypt(keys)
    except UnknownKeyError:
        data = None
    received, answered = (
        moment.astimezone(zone).isoformat(timespec="seconds") if moment else ""
        for moment in (inquiry.created_at, inquiry.answered_at)
    )
    return {
        "reference": inquiry.reference,
        "received_at": received,
        "state": inquiry.state if data else UNDECRYPTABLE,
        "answered_at": answered,
        "answered_by": inquiry.answered_by or "",
        "taken_by": inquiry.taken_by or "",
        **{name: getattr(data, name) if data else "" for name in CONTENT_FIELDS},
    }


def _csv_cell(value: str | bool) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if value.startswith(FORMULA) else value
