"""All parts of a clinic's folder in order, each looked at even when another is broken."""

from pathlib import Path

from app.clinic import Clinic, ClinicError, load_clinic
from app.clinic.placeholders import find_placeholders
from app.clinic.scaffold import example_clinic
from app.diagnostics.clinic_config import check_config
from app.diagnostics.clinic_files import faults_of
from app.diagnostics.clinic_images import check_basemap, check_logo, check_social_card
from app.diagnostics.clinic_pages import check_pages
from app.diagnostics.result import CheckResult, Level


def check_clinic_folder(folder: Path) -> list[CheckResult]:
    """The findings on ``folder``. A fault is what a site does not start with."""
    try:
        clinic = load_clinic(folder)
        findings = check_config(clinic, folder)
    except ClinicError as error:
        # The words can be looked at all the same, with somebody else's name in them.
        clinic, findings = example_clinic(), faults_of("identity", error)
    return [
        *findings,
        *check_pages(folder, clinic),
        check_logo(folder / "logo.svg"),
        check_social_card(folder / "social-card.png"),
        *_basemap(clinic, folder, known=not any(one.level is Level.FAILED for one in findings)),
        *_open_marks(folder),
    ]


def _basemap(clinic: Clinic, folder: Path, *, known: bool) -> list[CheckResult]:
    """Nothing when it is not known where the clinic is."""
    return check_basemap(clinic, folder / "basemap.pmtiles") if known else []


def _open_marks(folder: Path) -> list[CheckResult]:
    advice = "Then delete the mark"
    return [
        CheckResult("fill in", Level.WARNING, one.reason, advice, str(one.file), one.line)
        for one in find_placeholders(folder)
    ]
