"""The result of a check."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.clinic import ClinicError

FIX_ADVICE = "Fix it: the site does not start with it"


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    TODO = "to do"  # production refuses it, but a preview does not
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """The result of ``check``, in one line. ``line`` counts from 1; 0 means the whole file."""

    check: str
    level: Level
    message: str
    advice: str = ""
    file: str = ""
    line: int = 0

    @property
    def text(self) -> str:
        """The message, with file and line in front if it has them."""
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


def warning_at(check: str, file: Path, text: str, message: str, advice: str) -> CheckResult:
    """Return a warning about the first line of ``file`` that contains ``text``."""
    return CheckResult(check, Level.WARNING, message, advice, str(file), line_with(file, text))


def line_with(file: Path, text: str) -> int:
    """Return the first line of ``file`` that contains ``text``, 0 if none does."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)


def todo(check: str, message: str, advice: str, file: Path, line: int) -> CheckResult:
    return CheckResult(check, Level.TODO, message, advice, str(file), line)


def clinic_failures(check: str, error: ClinicError) -> list[CheckResult]:
    """Return a failure for each issue of ``error``."""
    located = [
        CheckResult(check, Level.FAILED, issue.reason, FIX_ADVICE, str(issue.file), issue.line)
        for issue in error.issues
    ]
    return located or [failed(check, str(error), FIX_ADVICE)]
