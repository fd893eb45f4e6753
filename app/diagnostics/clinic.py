"""All checks of `flask clinic check`. Each one runs even if an earlier one failed."""

from collections.abc import Sequence
from pathlib import Path

from app.clinic import ClinicError, load_clinic
from app.clinic.placeholders import find_placeholders
from app.clinic.scaffold import example_clinic
from app.diagnostics.clinic_config import check_config
from app.diagnostics.clinic_images import (
    check_basemap,
    check_drawing,
    check_logo,
    check_social_card,
)
from app.diagnostics.clinic_pages import check_pages
from app.diagnostics.result import CheckResult, Level, clinic_failures, todo


def check_clinic_folder(folder: Path) -> list[CheckResult]:
    """Check ``folder``. The site does not start with what has failed; production does not start
    with what is still to do.
    """
    location_known = True
    try:
        clinic = load_clinic(folder)
        results = check_config(clinic, folder)
    except ClinicError as error:
        # The pages can be checked with the example clinic's data.
        clinic, results = example_clinic(), clinic_failures("clinic", error)
        location_known = False
    return [
        *results,
        *check_pages(folder, clinic),
        *check_logo(folder / "logo.svg"),
        *check_drawing(folder / "illustration.svg"),
        check_social_card(folder / "social-card.png"),
        *(check_basemap(clinic, folder / "basemap.pmtiles") if location_known else ()),
        *_placeholders(folder),
    ]


def _placeholders(folder: Path) -> list[CheckResult]:
    return [
        todo(
            "mark",
            issue.reason,
            "" if issue.file.suffix == ".md" else "Then delete the mark",
            issue.file,
            issue.line,
        )
        for issue in find_placeholders(folder)
    ]


def obstacles(results: Sequence[CheckResult]) -> list[str]:
    """Say why production would not start with a folder that has these results."""
    failures = sum(result.level is Level.FAILED for result in results)
    to_do = [result.check for result in results if result.level is Level.TODO]
    marks = to_do.count("mark")
    return [
        *([f"{failures} failed"] if failures else []),
        *(["this is the demo clinic"] if "clinic" in to_do else []),
        *([f"{marks} mark{'s' if marks > 1 else ''} left"] if marks else []),
    ]
