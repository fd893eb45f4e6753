"""What a look at one part says: all is well, a warning, or a fault, and what to do."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """One line for people: ``part`` is what was looked at, ``says`` what was found."""

    part: str
    level: Level
    says: str
    do: str = ""
    file: str = ""  # where a file is to blame, and its line, from 1
    line: int = 0

    @property
    def told(self) -> str:
        """What is said, behind the place in a file."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.says}" if place else self.says

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value or key == "do"}


def ok(part: str, says: str) -> Finding:
    return Finding(part, Level.OK, says)


def warning(part: str, says: str, do: str) -> Finding:
    return Finding(part, Level.WARNING, says, do)


def fault(part: str, says: str, do: str) -> Finding:
    return Finding(part, Level.FAULT, says, do)
