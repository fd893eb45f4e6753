"""Checks of the pages: links, references, figures, reading grade, redirects."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.clinic import Clinic, ClinicError
from app.clinic.errors import IssueCollector
from app.clinic.scaffold import DEMO_CLINIC
from app.diagnostics.readability import grade, sentences
from app.diagnostics.result import CheckResult, Level, clinic_failures, ok, warning, warning_at
from app.pages.clinic_facts import fact_conditions
from app.pages.conditional_blocks import page_settings, resolve_blocks
from app.pages.front_matter import read_page_file
from app.pages.loader import Page, load_pages
from app.pages.redirects import load_redirects
from app.pages.references import read_sources

# Not Medicare: Australia and Canada have one, too.
US_TERMS = re.compile(r"\b(?:FDA|DEA|Schedule III|HIPAA|[Ss]uperbills?|[Oo]ut-of-network)\b")
MAX_GRADE = 8  # US school grade
# The values make no difference to the checks.
EXAMPLE_SETTINGS = page_settings(
    retention_days=90,
    quarantine_retention_days=30,
    notification_detail="full",
    send_acknowledgement=False,
    map_tiles=True,
)


def check_pages(folder: Path, clinic: Clinic) -> list[CheckResult]:
    """Check all pages of ``folder``, with the data of ``clinic``."""
    try:
        pages = load_pages(folder, clinic, EXAMPLE_SETTINGS)
    except ClinicError as error:
        skipped = warning("redirects", "skipped", "Fix the pages first, then check again")
        return [*clinic_failures("pages", error), *_check_reading_grades(folder), skipped]
    figures = len(list((folder / "figures").glob("[!.]*.toml")))
    return [
        ok("pages", f"{len(pages)}; all internal links and anchors exist"),
        ok("figures", f"{figures}; all their numbers are present"),
        *_check_references(folder / "references.toml", pages, clinic.country),
        *_check_reading_grades(folder),
        *_check_redirects(folder / "redirects.toml", pages),
        *(_check_country(folder, clinic) if clinic.country != "US" else ()),
    ]


def _check_references(file: Path, pages: tuple[Page, ...], country: str) -> list[CheckResult]:
    sources = read_sources(file, IssueCollector())
    # The pages that come with Frontdesk cite some of its sources only in the US.
    known = {} if country == "US" else read_sources(DEMO_CLINIC / file.name, IssueCollector())
    cited = {reference.key for page in pages for reference in page.references}
    linked = [key for key, source in sources.items() if source.link]
    advice = "Add its doi, pmid or url"
    problems = [(key, "has no link", advice) for key in sources if key not in linked]
    problems += [
        (key, "is not cited", "Remove it")
        for key, source in sources.items()
        if key not in cited and source != known.get(key)
    ]
    return [
        ok("references", f"{len(cited)} cited, {len(linked)} with a permanent link"),
        *(
            warning_at("references", file, f"[{key}]", f"{key} {problem}", advice)
            for key, problem, advice in problems
        ),
    ]


def _check_country(folder: Path, clinic: Clinic) -> Iterator[CheckResult]:
    """Warn about each page that visitors outside the US would read US law on."""
    conditions = {**fact_conditions(clinic), "country.US": False}
    for file in sorted((folder / "pages").glob("[!.]*.md")):
        if page := read_page_file(file, IssueCollector()):
            text, _ = resolve_blocks(f"{page.head}\n{page.text}", conditions)
            if term := US_TERMS.search(text):
                line = text.count("\n", 0, term.start()) + 1
                message = f'"{term[0]}" describes the law or insurance of the US'
                advice = "Replace it with that of your country"
                yield CheckResult("pages", Level.WARNING, message, advice, str(file), line)


def _check_reading_grades(folder: Path) -> list[CheckResult]:
    """Warn about each page above the maximum grade; else report the highest grade."""
    grades: dict[Path, float] = {}
    results = []
    for file in sorted((folder / "pages").glob("[!.]*.md")):
        if page := read_page_file(file, IssueCollector()):
            texts = sentences(page.text)
            grades[file] = round(grade(texts), 1) if texts else 0
            if grades[file] > MAX_GRADE:
                results.append(_hard_to_read(file, grades[file], texts))
    if results or not grades:
        return results
    hardest = max(grades, key=lambda file: grades[file])
    return [ok("reading", f"grade {grades[hardest]} at most ({hardest.name}), by Flesch-Kincaid")]


def _hard_to_read(file: Path, page_grade: float, texts: list[str]) -> CheckResult:
    """Return a warning at the hardest sentence, located by its first words."""
    hardest = max(texts, key=lambda sentence: grade([sentence]))
    first_words = re.split(r"[^\w ]", hardest)[0].strip()[:40]
    message = f"grade {page_grade}; hardest: {hardest[:60]} …"
    advice = f"Shorter sentences, shorter words: grade {MAX_GRADE} or lower"
    return warning_at("reading", file, first_words, message, advice)


def _check_redirects(file: Path, pages: tuple[Page, ...]) -> list[CheckResult]:
    try:
        redirects = load_redirects(file, pages)
    except ClinicError as error:
        return clinic_failures("redirects", error)
    return [ok("redirects", f"{len(redirects)}; each leads to an existing page")]
