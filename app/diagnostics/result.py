"""What a look at one check message: all is well, a warning, or a fault, and what to advice."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """One line for people: ``check`` is what was looked at, ``message`` what was found."""

    check: str
    level: Level
    message: str
    advice: str = ""
    file: str = ""  # where a file is to blame, and its line, from 1
    line: int = 0

    @property
    def text(self) -> str:
        """What is said, behind the place in a file."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value or key == "advice"}


def ok(check: str, message: str) -> CheckResult:
    return CheckResult(check, Level.OK, message)


def warning(check: str, message: str, advice: str) -> CheckResult:
    return CheckResult(check, Level.WARNING, message, advice)


def failed(check: str, message: str, advice: str) -> CheckResult:
    return CheckResult(check, Level.FAILED, message, advice)
