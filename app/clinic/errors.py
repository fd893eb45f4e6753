"""IssueCollector in the clinic's own files: collected, so that all of them are told at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, order=True)
class FileIssue:
    """What is wrong and where: ``line`` counts from 1; 0 where no line is to blame."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.reason}"


class ClinicError(Exception):
    """The clinic's own files hold a fault; the message lists every one found.

    ``faults`` are the same one by one, where a line is to blame.
    """

    def __init__(self, said: str, issues: Iterable[FileIssue] = ()) -> None:
        super().__init__(said)
        self.issues = tuple(issues)


@dataclass
class IssueCollector:
    """The faults found so far."""

    found: list[FileIssue] = field(default_factory=list)

    def add(self, file: Path, line: int, reason: str) -> None:
        self.found.append(FileIssue(file, line, reason))

    def raise_if_any(self) -> None:
        """Raises ClinicError with a line for each fault, in the order of the files."""
        if self.found:
            faults = sorted(set(self.found))
            raise ClinicError("\n".join(map(str, faults)), faults)


def line_of(text: str, place: Iterable[int | str]) -> int:
    """The line of the key at ``place`` in TOML: ``("panels", 1, "trials", 0, "when")``.

    Where that key does not stand in ``text``, the nearest table or key around it.
    """
    at, path = 0, list[str]()
    for part in place:
        if isinstance(part, str):
            path.append(part)
        name, nth = re.escape(".".join(path)), part if isinstance(part, int) else 0
        head = rf"\[\[{name}\]\]" if isinstance(part, int) else rf"\[{name}\]"
        starts = [one.start() for one in re.finditer(rf"^[ \t]*{head}", text[at:], re.MULTILINE)]
        at += starts[nth] if nth < len(starts) else 0
    for key in reversed(path):
        if found := re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", text[at:], re.MULTILINE):
            at += found.end()
            break
    return text.count("\n", 0, at) + 1
