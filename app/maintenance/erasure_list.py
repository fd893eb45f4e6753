"""The list of erased inquiries: a file in the instance folder and beside the backups.

A backup contains what was erased after it was made. With this list a restore erases it again,
also on a new machine, where no database knows of the erasure. Each line is the reference of an
inquiry and the time of its erasure.
"""

import os
import re
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from app import clock
from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.database import Database

FILE_NAME = "erased-inquiries.txt"
LINE = re.compile(rf"^({REFERENCE_PATTERN}) (\S+)$", re.MULTILINE)


def update_list(database: Database, folder: Path, *others: Path) -> set[str]:
    """Add the erased inquiries of the database and of the lists in ``others`` to ``folder``'s list.

    Returns the references on it. Raises OSError.
    """
    known, erased = read_list(folder), _erased_inquiries(database)
    for other in others:
        erased |= read_list(other)
    lines = [f"{name} {time}\n" for name, time in erased.items() if name not in known]
    private = partial(os.open, mode=0o600)
    with open(folder / FILE_NAME, "a", encoding="utf-8", opener=private) as file:
        # The empty line ends a line that was cut off when an earlier process was killed.
        file.write("\n" * bool(lines) + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
    return known.keys() | erased.keys()


def read_list(folder: Path) -> dict[str, str]:
    """Return the times of erasure by reference; empty if ``folder`` has no list."""
    file = folder / FILE_NAME
    text = file.read_text(encoding="utf-8-sig", errors="replace") if file.exists() else ""
    return dict(LINE.findall(text))


def _erased_inquiries(database: Database) -> dict[str, str]:
    query = sa.select(Inquiry.reference, Inquiry.erased_at).where(Inquiry.erased_at.is_not(None))
    with database.read_session() as session:
        if not sa.inspect(session.connection()).has_table(Inquiry.__tablename__):
            return {}  # a new machine
        return {reference: clock.iso_utc(at) for reference, at in session.execute(query) if at}
