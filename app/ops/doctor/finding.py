"""What a look at one part says: all is well, a warning, or a fault, and what to do."""

from dataclasses import asdict, dataclass
from enum import StrEnum


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

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def ok(part: str, says: str) -> Finding:
    return Finding(part, Level.OK, says)


def warning(part: str, says: str, do: str) -> Finding:
    return Finding(part, Level.WARNING, says, do)


def fault(part: str, says: str, do: str) -> Finding:
    return Finding(part, Level.FAULT, says, do)
