"""The list of erased inquiries: a file in the instance folder and beside the backups.

A backup contains what was erased after it was made. With this list a restore erases it again,
also on a new machine, where no database knows of the erasure. Each line is the reference of an
inquiry and the time of its erasure.
"""

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import REFERENCE_PATTERN, Inquiry, InquiryState

FILE_NAME = "erased-inquiries.txt"
LINE = re.compile(rf"^({REFERENCE_PATTERN}) (\S+)$", re.MULTILINE)


def read_list(folder: Path) -> dict[str, str]:
    """Return the times of erasure by reference; empty if ``folder`` has no list."""
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    return dict(LINE.findall(text))


def read_database(session: Session) -> dict[str, str]:
    """Return the erased inquiries in the database, like ``read_list``."""
    query = sa.select(Inquiry.reference, Inquiry.erased_at)
    erased = session.execute(query.where(Inquiry.state == InquiryState.ERASED))
    return {reference: clock.iso_utc(at) for reference, at in erased if at}


def add_to_list(folder: Path, erased: Mapping[str, str]) -> None:
    """Add ``erased`` to the list in ``folder``, which is created if necessary. Raises OSError."""
    known = read_list(folder)
    lines = [f"{name} {at}\n" for name, at in erased.items() if name not in known]
    private = partial(os.open, mode=0o600)
    with open(folder / FILE_NAME, "a", encoding="utf-8", opener=private) as file:
        # The empty line ends a line that was cut off when an earlier process was killed.
        file.write("\n" * bool(lines) + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
