"""``flask inquiries export`` and ``looks``: the words in a file, and who had them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from app.cli import inquiries_erase  # noqa: F401  (it adds a command, too)
from app.cli.inquiries import inquiries
from app.cli.outbox import local_time
from app.cli.output import show_rows
from app.cli.progress import progress_bar
from app.contact.models import Inquiry
from app.maintenance import audit_log
from app.maintenance.inquiry_export import (
    ExportResult,
    csv_writer,
    export_inquiries,
    json_lines_writer,
    selected,
)
from app.services import current_services

FORMATS = {".csv": csv_writer, ".jsonl": json_lines_writer}
WARNING = """\
The file holds what visitors wrote, for everyone who can open it: names, addresses,
messages. Retention and `inquiries erase` do not reach it: delete it when it has served.
"""


@inquiries.command(
    epilog="Example: flask --app wsgi inquiries export --since 2027-01-01 january.csv"
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Received on this day or later.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def export(file: Path, since: datetime | None, yes: bool) -> None:  # noqa: FBT001
    """All inquiries with their words, as FILE: .csv for spreadsheets, .jsonl for programs.

    For the front desk's own records. The file is readable by its owner alone. In a
    .csv an apostrophe stands before what a spreadsheet would take for a formula
    (=, +, -, @). Exit status 1 when words of some could not be opened.
    """
    if file.suffix not in FORMATS:
        raise click.UsageError(f"{file.name}: the name must end in {' or '.join(FORMATS)}")
    database, zone = current_services().database, current_services().clinic.zone
    since = since.replace(tzinfo=zone) if since else None
    with database.read_session() as session:
        query = sa.select(sa.func.count()).select_from(Inquiry).where(selected(since))
        count = session.scalar(query) or 0
    click.echo(WARNING, err=True)
    if not yes:
        click.confirm(f"Write {count} inquiries to {file}?", abort=True, err=True)
    written = ExportResult()
    with _new_file(file) as out:
        with database.session() as session:
            audit_log.record(session, database.now(session), f"exported {count}")
        with progress_bar("Inquiries", count) as on_progress:
            for written in export_inquiries(database, since, zone, FORMATS[file.suffix](out)):
                on_progress(written.rows)
    click.echo(f"{file}: {written.rows} inquiries", err=True)
    if written.undecryptable:
        some = ", ".join(written.undecryptable[:20]) + (", …" if written.undecryptable[20:] else "")
        raise click.ClickException(
            f"{len(written.undecryptable)} could not be opened,"
            f" a key is missing from ENCRYPTION_KEYS: {some}"
        )


@inquiries.command(name="audit-log", epilog="Example: flask --app wsgi inquiries audit-log")
@click.argument("reference", required=False)
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def show_audit_log(reference: str | None, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Who had what visitors wrote shown, exported, released or erased. No word of it."""
    with current_services().database.read_session() as session:
        found = audit_log.recent_events(
            session, reference.strip().upper() if reference else None, limit
        )
    rows = [
        (local_time(one.occurred_at), one.action, one.reference or "", one.actor) for one in found
    ]
    show_rows(("when", "what", "reference", "by"), rows, as_json=as_json)


@contextmanager
def _new_file(file: Path) -> Iterator[TextIO]:
    """``file``, made anew, its owner's alone from the first byte; gone when it is not whole."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}; nothing written") from None
    try:
        # Excel takes a file without this mark for an old Windows one.
        encoding = "utf-8-sig" if file.suffix == ".csv" else "utf-8"
        with os.fdopen(handle, "w", encoding=encoding, newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        file.unlink(missing_ok=True)
        raise
