"""Markdown tables and the generated sections of a document."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a text column, followed by columns of numbers."""
    ruler = "|".join(["---", *["---:"] * (len(head) - 1)])
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"| {' | '.join(head)} |", f"|{ruler}|", *lines]) + "\n"


def replace_section(document: Path, name: str, text: str) -> None:
    """Replace the text between ``<!-- name -->`` and ``<!-- end -->`` in ``document``."""
    section = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    before = document.read_text(encoding="utf-8")
    after, count = section.subn(lambda match: f"{match[1]}{text}{match[2]}", before)
    if count != 1:
        raise SystemExit(f"{document} has {count} sections named {name}")
    document.write_text(after, encoding="utf-8")
