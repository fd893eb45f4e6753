"""What the clinic says: pages with their links, references, figures, reading grade, redirects."""

import re
from pathlib import Path

from app.clinic import Clinic, ClinicError
from app.clinic.errors import IssueCollector
from app.diagnostics.clinic_files import faults_of, warning_at
from app.diagnostics.readability import grade, sentences
from app.diagnostics.result import CheckResult, ok, warning
from app.pages import HOME_SECTIONS
from app.pages.conditional_blocks import page_settings
from app.pages.front_matter import read_source
from app.pages.loader import Page, load_pages
from app.pages.redirects import load_redirects
from app.pages.references import Source, read_sources
from app.pages.routes import OTHER_PAGES

GRADE = 8  # of US schools
# Which ones they are makes no difference here.
ANY_SETTINGS = page_settings(
    retention_days=90,
    quarantine_retention_days=30,
    notification_detail="full",
    send_acknowledgement=False,
    map_tiles=True,
)
PLAINER = f"Shorter sentences, shorter words: grade {GRADE} or lower"


def check_pages(folder: Path, clinic: Clinic) -> list[CheckResult]:
    """Everything that ``clinic`` says, beside what it is."""
    try:
        pages = load_pages(folder, clinic, OTHER_PAGES, HOME_SECTIONS, ANY_SETTINGS)
    except ClinicError as error:
        return [*faults_of("pages", error), *_reading(folder), _no_redirects()]
    figures = len(list((folder / "figures").glob("*.toml")))
    return [
        ok("pages", f"{len(pages)}; all links and anchors between them lead somewhere"),
        ok("figures", f"{figures}; their numbers are complete"),
        *_references(folder / "references.toml", pages),
        *_reading(folder),
        *_redirects(folder / "redirects.toml", pages),
    ]


def _references(file: Path, pages: tuple[Page, ...]) -> list[CheckResult]:
    sources = read_sources(file, IssueCollector())
    cited = {reference.key for page in pages for reference in page.references}
    findings = [_unreachable(file, key) for key, one in sources.items() if not one.link]
    findings += [_unused(file, key) for key in sources if key not in cited]
    count = f"{len(cited)} cited, {_with_address(sources)} with an address that lasts"
    return [ok("references", count), *findings]


def _with_address(sources: dict[str, Source]) -> int:
    return sum(bool(source.link) for source in sources.values())


def _unreachable(file: Path, key: str) -> CheckResult:
    says, advice = f"{key} has no address", "Give its doi, pmid or url"
    return warning_at("references", file, f"[{key}]", says, advice)


def _unused(file: Path, key: str) -> CheckResult:
    return warning_at("references", file, f"[{key}]", f"{key} is cited nowhere", "Remove it")


def _reading(folder: Path) -> list[CheckResult]:
    """The grade of each page that can be read, in one line where all are plain enough."""
    grades: dict[Path, float] = {}
    findings = []
    for file in sorted((folder / "pages").glob("*.md")):
        if source := read_source(file, IssueCollector()):
            said = sentences(source.text)
            grades[file] = round(grade(said), 1) if said else 0
            if grades[file] > GRADE:
                findings.append(_learned(file, grades[file], said))
    if findings or not grades:
        return findings
    hardest = max(grades, key=lambda file: grades[file])
    return [ok("reading", f"grade {grades[hardest]} at most ({hardest.name}), by Flesch-Kincaid")]


def _learned(file: Path, found: float, said: list[str]) -> CheckResult:
    """Points at the hardest sentence, by its first word that is not found elsewhere."""
    hardest = max(said, key=lambda sentence: grade([sentence]))
    first = re.split(r"[^\w ]", hardest)[0].strip()[:40]
    says = f"grade {found}; hardest: {hardest[:60]} …"
    return warning_at("reading", file, first, says, PLAINER)


def _redirects(file: Path, pages: tuple[Page, ...]) -> list[CheckResult]:
    try:
        moved = load_redirects(file, pages, OTHER_PAGES)
    except ClinicError as error:
        return faults_of("redirects", error)
    return [ok("redirects", f"old addresses: {len(moved)}; each leads to a page of today")]


def _no_redirects() -> CheckResult:
    return warning("redirects", "not looked at", "Mend the pages first, then look again")
