"""The TOML between two ``+++`` lines at the top of a page."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector
from app.clinic.models import FrozenModel

FENCE = "+++"
ReferenceKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
# Placeholders work only below the front matter.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^{}]+$")]


class FrontMatter(FrozenModel):
    """A page's metadata.

    ``medical``: it makes medical claims, so it says who reviewed it. ``when``: the page exists
    only if this condition is true, such as ``team``.
    """

    title: Annotated[Text, Field(max_length=70)]
    # Search engines cut longer ones and replace shorter ones.
    description: Annotated[Text, Field(min_length=50, max_length=160)]
    order: int
    nav: Annotated[Text, Field(max_length=30)] | None = None
    medical: bool = True
    when: Text | None = None
    reviewed: date | None = None
    updated: date | None = None


@dataclass(frozen=True)
class PageFile:
    """A page's file. ``text`` is the Markdown, which starts at ``first_line`` (from 1)."""

    path: Path
    front_matter: FrontMatter
    text: str
    first_line: int
    head: str  # everything above ``text``, with the fences left empty


def read_page_file(path: Path, issues: IssueCollector) -> PageFile | None:
    """Read the file; None if that fails, with the reasons added to ``issues``."""
    if (text := toml_reader.read_text(path, issues)) is None:
        return None
    lines = text.splitlines()
    fences = [number for number, line in enumerate(lines) if line.strip() == FENCE][:2]
    if len(fences) < 2 or fences[0] != 0:
        issues.add(path, 1, f"must begin with front matter between two {FENCE} lines")
        return None
    end = fences[1]
    head = "\n".join(["", *lines[1:end], ""])
    if (table := toml_reader.parse(path, head, issues, label="front matter")) is None:
        return None
    if not (front_matter := toml_reader.validate(FrontMatter, table, path, head, issues)):
        return None
    return PageFile(path, front_matter, "\n".join(lines[end + 1 :]), end + 2, head)
