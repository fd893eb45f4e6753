"""Finds what a new clinic's folder still has to fill in: lines marked ``# FILL IN``.

``flask clinic new`` writes these marks. A preview runs with them; production refuses to start,
so that no visitor is given an example's phone number.
"""

from pathlib import Path

from app.clinic.errors import ClinicError, FileIssue

PLACEHOLDER = "# FILL IN"  # a TOML comment, also in the front matter of a page
PATTERNS = ("*.toml", "pages/*.md", "figures/*.toml")


def find_placeholders(folder: Path) -> list[FileIssue]:
    """Return the marked lines of ``folder``, in the order of the files."""
    files = sorted(file for pattern in PATTERNS for file in folder.glob(pattern))
    return [
        FileIssue(file, number, f"still to fill in: {_subject(line)}")
        for file in files
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if PLACEHOLDER in line
    ]


def reject_placeholders(folder: Path) -> None:
    """Raise ClinicError, which lists every marked line, if there is one."""
    if issues := find_placeholders(folder):
        raise ClinicError.from_issues(issues)


def _subject(line: str) -> str:
    """Return the text before the mark, or else the text after it."""
    before, _, after = line.partition(PLACEHOLDER)
    return before.strip() or after.strip(" :")
