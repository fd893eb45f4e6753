"""Where in a clinic's folder something was found."""

from pathlib import Path

from app.clinic import ClinicError
from app.diagnostics.result import CheckResult, Level, warning

MEND = "Mend it: the site does not start with it"


def faults_of(part: str, error: ClinicError) -> list[CheckResult]:
    """Each fault of ``error`` as a finding on ``part``."""
    placed = [
        CheckResult(part, Level.FAILED, one.reason, MEND, str(one.file), one.line)
        for one in error.issues
    ]
    return placed or [CheckResult(part, Level.FAILED, str(error), MEND)]


def warning_at(part: str, file: Path, words: str, says: str, do: str) -> CheckResult:
    """A warning at the first line of ``file`` that holds ``words``."""
    found = warning(part, says, do)
    return CheckResult(part, found.level, says, do, str(file), _line_with(file, words))


def _line_with(file: Path, words: str) -> int:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if words in line), 0)
