"""A bar for work that takes long: on standard error, and only where somebody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Tell = Callable[[int], None]


def untold(_done: int) -> None:
    """For whoever does not want to know."""


@contextmanager
def progress(label: str, length: int) -> Iterator[Tell]:
    """Call what this gives with how much of ``length`` is done. What begins again is not
    shown again.
    """
    watched = sys.stderr.isatty()
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not watched) as bar:
        yield lambda done: bar.update(max(0, done - bar.pos))
