"""All checks of `flask clinic check`. Each one runs even if an earlier one failed."""

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
from app.diagnostics.result import CheckResult, Level, clinic_failures


def check_clinic_folder(folder: Path) -> list[CheckResult]:
    """Check ``folder``. The site does not start with what has failed."""
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
    advice = "Then delete the mark"
    return [
        CheckResult("placeholder", Level.WARNING, issue.reason, advice, str(issue.file), issue.line)
        for issue in find_placeholders(folder)
    ]
