"""Finds what a new clinic's folder still has to fill in: lines marked ``# FILL IN``.

``flask clinic new`` writes these marks. A preview runs with them; production refuses to start,
so that no visitor is given an example's phone number.
"""

from pathlib import Path

from app.clinic.errors import FileIssue, IssueCollector

PLACEHOLDER = "# FILL IN"  # a TOML comment, also in the front matter of a page
# Without names that begin with a dot: lock files of editors, and macOS' "._index.md".
PATTERNS = ("[!.]*.toml", "pages/[!.]*.md", "figures/[!.]*.toml")


def find_placeholders(folder: Path) -> list[FileIssue]:
    """Return the marked lines of ``folder``, in the order of the files."""
    issues = IssueCollector()
    for file in sorted(file for pattern in PATTERNS for file in folder.glob(pattern)):
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            before, mark, after = line.partition(PLACEHOLDER)
            if mark:
                subject = before.strip() or after.strip(" :")
                issues.add(file, number, f"still to fill in: {subject}")
    return issues.issues


def reject_placeholders(folder: Path) -> None:
    """Raise ClinicError, which lists every marked line, if there is one."""
    IssueCollector(find_placeholders(folder)).raise_if_any()
