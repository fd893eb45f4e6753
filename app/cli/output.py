"""What commands share: options, questions, tables, records, JSON and times."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import click

from app.services import current_services

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask ``question``, unless ``--yes`` was given. The answer no ends the command."""
    if not yes:
        click.confirm(question, abort=True)


def print_json(data: object) -> None:
    """Print ``data`` as indented JSON: times in ISO 8601 and UTC, durations in seconds."""
    click.echo(json.dumps(data, indent=2, default=_to_json))


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``head`` in aligned columns."""
    if not rows:
        click.echo("No entries.")
        return
    lines = [[_to_text(cell) for cell in row] for row in (head, *rows)]
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


def print_record(record: Mapping[str, object]) -> None:
    """Print each value that is not None in a line with its name."""
    for name, value in record.items():
        if value is not None:
            click.echo(f"{name + ':':18} {_to_text(value)}".rstrip())


def local_time(moment: datetime | None) -> str:
    """Format ``moment`` in the clinic's time zone; None is empty."""
    zone = current_services().clinic.zone
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def pluralize(number: int, noun: str) -> str:
    """Return "1 email" or "2 emails"; a final y becomes ies."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def printable(text: str) -> str:
    """Replace characters that could control a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _to_text(value: object) -> str:
    if value is None or isinstance(value, datetime):
        return local_time(value)
    return printable(str(value))


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return str(value)
