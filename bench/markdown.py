"""Markdown tables, and their place in a document."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text; the others hold figures."""
    ruler = "|".join(["---", *["---:"] * (len(head) - 1)])
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"| {' | '.join(head)} |", f"|{ruler}|", *lines]) + "\n"


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end -->`` in ``page``."""
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    before = page.read_text(encoding="utf-8")
    after, found = place.subn(lambda marks: f"{marks[1]}{text}{marks[2]}", before)
    if found != 1:
        raise SystemExit(f"{page} has {found} places called {name}")
    page.write_text(after, encoding="utf-8")
