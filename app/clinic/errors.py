"""Errors in the clinic's own files, collected so that all of them are reported at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, order=True)
class FileIssue:
    """What is wrong and where. ``line`` counts from 1; 0 means the file as a whole."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.reason}"


class ClinicError(Exception):
    """The clinic's own files have errors. The message lists all of them, as do ``issues``."""

    def __init__(self, message: str, issues: Iterable[FileIssue] = ()) -> None:
        super().__init__(message)
        self.issues = tuple(issues)

    @classmethod
    def from_issues(cls, issues: Iterable[FileIssue]) -> "ClinicError":
        """Create an error with one line for each issue, in the order of the files."""
        issues = sorted(set(issues))
        return cls("\n".join(map(str, issues)), issues)


@dataclass
class IssueCollector:
    """The issues found so far."""

    issues: list[FileIssue] = field(default_factory=list)

    def add(self, file: Path, line: int, reason: str) -> None:
        self.issues.append(FileIssue(file, line, reason))

    def raise_if_any(self) -> None:
        """Raise ClinicError if there is an issue."""
        if self.issues:
            raise ClinicError.from_issues(self.issues)


HEADING = re.compile(r"^[ \t]*\[", re.MULTILINE)
TEXT_OR_BRACE = re.compile(r"""#.*|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[{}]""")


def line_of(text: str, location: Iterable[int | str]) -> int:
    """Return the line of the key at ``location`` in TOML: ``("panels", 1, "trials", 0, "when")``.

    If ``text`` lacks that key, this is the line of the nearest table or key around it.
    """
    offset, path, indexes = 0, list[str](), dict[str, int]()
    for part in location:
        if isinstance(part, str):
            path.append(part)
        else:
            indexes[path[-1]] = part
        name, index = re.escape(".".join(path)), part if isinstance(part, int) else 0
        heading = rf"\[\[{name}\]\]" if isinstance(part, int) else rf"\[{name}\]"
        matches = re.finditer(rf"^[ \t]*{heading}", text[offset:], re.MULTILINE)
        starts = [match.start() for match in matches]
        offset += starts[index] if index < len(starts) else 0
    next_heading = HEADING.search(text, text.find("\n", offset) + 1)
    end = next_heading.start() if next_heading else len(text)
    for key in reversed(path):
        pattern = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*=", re.MULTILINE)
        if match := pattern.search(text, offset, end):
            offset = match.end()
            if key in indexes:
                offset = _start_of_item(text, offset, indexes[key])
            break
    return text.count("\n", 0, offset) + 1


def _start_of_item(text: str, offset: int, index: int) -> int:
    """The offset of inline table ``index`` of the array at ``offset``, or else ``offset``."""
    depth = 0
    for match in TEXT_OR_BRACE.finditer(text, offset):
        if match[0] == "{":
            if depth == 0 and index == 0:
                return match.start()
            index -= depth == 0
            depth += 1
        elif match[0] == "}":
            depth -= 1
    return offset
