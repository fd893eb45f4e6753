"""Tables for people, on a terminal."""

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
