"""What a new clinic's folder still has to say: lines with the mark ``# FILL IN``.

``flask clinic new`` writes them. They run as a preview; production refuses them, so
that no visitor is given an example's phone number.
"""

from pathlib import Path

from app.clinic.errors import ClinicError, FileIssue

PLACEHOLDER = "# FILL IN"  # a comment in TOML; the front matter of a page is TOML, too
PLACES = ("*.toml", "pages/*.md", "figures/*.toml")


def find_placeholders(folder: Path) -> list[FileIssue]:
    """The marked lines of ``folder``, in the order of the files."""
    files = sorted(file for place in PLACES for file in folder.glob(place))
    return [
        FileIssue(file, number, f"still to fill in: {_said(line)}")
        for file in files
        for number, line in enumerate(_text(file).splitlines(), 1)
        if PLACEHOLDER in line
    ]


def reject_placeholders(folder: Path) -> None:
    """Raises ClinicError naming every marked line of ``folder``."""
    if faults := find_placeholders(folder):
        raise ClinicError("\n".join(map(str, faults)), faults)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _said(line: str) -> str:
    """What is marked; where nothing is, what stands behind the mark."""
    before, _, behind = line.partition(PLACEHOLDER)
    return before.strip() or behind.strip(" :")
