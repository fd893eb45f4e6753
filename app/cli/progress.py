"""A bar for work that takes long: on standard error, and only where somebody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.maintenance import ProgressCallback


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[ProgressCallback]:
    """Call what this gives with how much of ``length`` is done. What begins again is not
    shown again.
    """
    watched = sys.stderr.isatty()
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not watched) as bar:
        yield lambda done: bar.update(max(0, done - bar.pos))
