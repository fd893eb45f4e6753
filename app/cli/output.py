"""What commands share: options, tables, JSON, times and a progress bar."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import click

from app.maintenance import ProgressCallback
from app.services import current_services

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def print_json(data: object) -> None:
    """Print ``data`` as indented JSON."""
    click.echo(json.dumps(data, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``head`` in aligned columns."""
    if not rows:
        click.echo("No entries.")
        return
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def print_rows(head: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """Print ``rows`` as a table or, ``as_json``, as a list of objects with the keys ``head``."""
    if as_json:
        print_json([dict(zip(head, row, strict=True)) for row in rows])
    else:
        print_table(head, rows)


def local_time(moment: datetime | None) -> str:
    """Format ``moment`` in the clinic's time zone; None is empty."""
    zone = current_services().clinic.zone
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def iso_time(moment: datetime | None) -> str | None:
    """Format ``moment`` for JSON: ISO 8601 in UTC."""
    return moment.isoformat(timespec="seconds") if moment else None


def count_of(number: int, noun: str) -> str:
    """Return "1 email" or "2 emails"; a final y becomes ies."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[ProgressCallback]:
    """Show a bar on standard error if it is a terminal. It never moves backward."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield lambda done: bar.update(max(0, done - bar.pos))
