"""Finds what a new clinic's folder still has to fill in: crisis lines, and lines marked
``# FILL IN``.

``flask clinic new`` writes these marks. A preview runs with them; production refuses to start,
so that no visitor is given an example's phone number.
"""

from pathlib import Path

from app.clinic.errors import FileIssue, IssueCollector
from app.clinic.models import Clinic

PLACEHOLDER = "# FILL IN"  # a TOML comment, also in the front matter of a page
NO_CRISIS_LINES = (
    "crisis_lines: missing; add [[crisis_lines]] with the emergency number and a crisis line of"
    " {country}, because those of another country do not help"
)
# Without names that begin with a dot: lock files of editors, and macOS' "._index.md".
PATTERNS = ("[!.]*.toml", "pages/[!.]*.md", "figures/[!.]*.toml")


def find_placeholders(folder: Path) -> list[FileIssue]:
    """Return the marked lines of ``folder``, in the order of the files."""
    issues = IssueCollector()
    for file in sorted(file for pattern in PATTERNS for file in folder.glob(pattern)):
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            before, mark, after = line.partition(PLACEHOLDER)
            if mark:
                subject = before.strip()
                reason = f"still to fill in: {subject}" if subject else after.strip(" :")
                issues.add(file, number, reason)
    return issues.issues


def require_ready(clinic: Clinic, folder: Path) -> None:
    """Raise ClinicError, which lists what production refuses, if there is something."""
    issues = IssueCollector(find_placeholders(folder))
    if not clinic.crisis_lines:
        issues.add(folder / "clinic.toml", 0, NO_CRISIS_LINES.format(country=clinic.country))
    issues.raise_if_any()
