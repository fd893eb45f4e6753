"""The TOML between two ``+++`` lines at the top of a page."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector

FENCE = "+++"
ReferenceKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
# Placeholders work only below the front matter.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^{}]+$")]


class FrontMatter(BaseModel):
    """A page's metadata; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: Annotated[Text, Field(max_length=70)]
    # Search engines cut longer ones and replace shorter ones.
    description: Annotated[Text, Field(min_length=50, max_length=160)]
    order: int
    nav: Annotated[Text, Field(max_length=30)] | None = None
    references: Annotated[tuple[ReferenceKey, ...], Field(strict=False)] = ()
    reviewed: date | None = None
    updated: date | None = None


@dataclass(frozen=True)
class SourceFile:
    """A page's file. ``text`` is the Markdown, which starts at ``first_line`` (from 1)."""

    file: Path
    front_matter: FrontMatter
    text: str
    first_line: int
    front_matter_lines: tuple[str, ...]

    def line_of(self, key: str, value: str = "") -> int:
        """The line of ``key`` in the front matter, or of ``value`` in it."""
        return _line_of(self.front_matter_lines, key, value)


def read_source(file: Path, issues: IssueCollector) -> SourceFile | None:
    """Read ``file``; None if that fails, with the reasons added to ``issues``."""
    if (text := toml_reader.read_text(file, issues)) is None:
        return None
    lines = text.splitlines()
    fences = [number for number, line in enumerate(lines) if line.strip() == FENCE][:2]
    if len(fences) < 2 or fences[0] != 0:
        issues.add(file, 1, f"must begin with front matter between two {FENCE} lines")
        return None
    end = fences[1]
    head = tuple(lines[1:end])
    table = toml_reader.parse(file, "\n".join(head), issues, line_offset=1, label="front matter")
    if table is None:
        return None
    try:
        front_matter = FrontMatter.model_validate(table)
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0])
            reason = {"missing": "missing", "extra_forbidden": "unknown key"}.get(
                detail["type"], detail["msg"]
            )
            issues.add(file, _line_of(head, key), f"{key}: {reason}")
        return None
    return SourceFile(file, front_matter, "\n".join(lines[end + 1 :]), end + 2, head)


def _line_of(lines: tuple[str, ...], key: str, value: str = "") -> int:
    assignment = re.compile(rf"\s*{re.escape(key)}\s*=")
    start = next((n for n, line in enumerate(lines) if assignment.match(line)), -1)
    for number, line in enumerate(lines[max(start, 0) :], max(start, 0)):
        if value and f'"{value}"' in line:
            return number + 2
    return start + 2
