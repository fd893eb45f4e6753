"""Tables for people, on a terminal, and the same rows for programs."""

import json
from collections.abc import Sequence

import click


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``head``, columns aligned; says so when there are none."""
    if not rows:
        click.echo("Nothing here.")
        return
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def show_rows(head: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """``rows`` as a table or, ``as_json``, as a list of objects named by ``head``."""
    if as_json:
        click.echo(json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=2))
    else:
        show_table(head, rows)
