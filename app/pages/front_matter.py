"""The TOML between ``+++`` lines at the top of a page."""

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
# Placeholders are filled in below the front matter only.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^{}]+$")]


class FrontMatter(BaseModel):
    """What a page says about itself; an unknown key is a fault."""

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
    """A page as written: ``first_line`` is where ``text`` begins in ``file``, from 1."""

    file: Path
    head: FrontMatter
    text: str
    first_line: int
    head_lines: tuple[str, ...]

    def line_of(self, key: str, value: str = "") -> int:
        """The line on which front-matter ``key`` (or ``value`` in it) stands."""
        return _line_of(self.head_lines, key, value)


def read_source(file: Path, faults: IssueCollector) -> SourceFile | None:
    """The page in ``file``; None, and the reasons in ``faults``, when it cannot be read."""
    if (text := toml_reader.read_text(file, faults)) is None:
        return None
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in (rest := _stripped(lines[1:])):
        faults.add(file, 1, f"must begin with front matter between two {FENCE} lines")
        return None
    end = rest.index(FENCE) + 1
    head_lines = tuple(lines[1:end])
    head = _parse(file, head_lines, faults)
    if head is None:
        return None
    return SourceFile(file, head, "\n".join(lines[end + 1 :]), end + 2, head_lines)


def _stripped(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines]


def _parse(file: Path, lines: tuple[str, ...], faults: IssueCollector) -> FrontMatter | None:
    table = toml_reader.parse(file, "\n".join(lines), faults, line_offset=1, label="front matter")
    if table is None:
        return None
    try:
        return FrontMatter.model_validate(table)
    except ValidationError as error:
        for one in error.errors():
            key = str(one["loc"][0])
            faults.add(file, _line_of(lines, key), f"{key}: {_reason(one['type'], one['msg'])}")
    return None


def _reason(kind: str, message: str) -> str:
    return {"missing": "missing", "extra_forbidden": "unknown key"}.get(kind, message)


def _line_of(lines: tuple[str, ...], key: str, value: str = "") -> int:
    given = re.compile(rf"\s*{re.escape(key)}\s*=")
    start = next((n for n, line in enumerate(lines) if given.match(line)), -1)
    for number, line in enumerate(lines[max(start, 0) :], max(start, 0)):
        if value and f'"{value}"' in line:
            return number + 2
    return start + 2
