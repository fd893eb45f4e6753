"""Loads ``clinic/pages/*.md`` as immutable pages and checks all of them before the site starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from app.clinic import Clinic
from app.clinic.errors import IssueCollector, line_of
from app.pages.care_calls import care_calls
from app.pages.clinic_facts import fact_conditions, fact_lists, fact_values
from app.pages.conditional_blocks import PageSettings
from app.pages.crisis_values import crisis_values
from app.pages.figures import load_figures
from app.pages.front_matter import FrontMatter, PageFile, read_page_file
from app.pages.markdown import create_parser
from app.pages.parser import Heading, PageContext, PlaceholderValue, parse_page
from app.pages.references import Reference, Source, read_sources, render_reference
from app.pages.validation import HOME, ParsedPage, url_path, validate_pages

# What static/css/article.css is for.
STYLED_LATE = re.compile(
    r'<div class="table-wrap"|<table|<figure|<ol class="timeline"|<section class="card card-do'
)


@dataclass(frozen=True)
class Page:
    """An information page, ready for its template."""

    path: str
    name: str  # of its template, if it has one, and of its route
    meta: FrontMatter
    lead: Markup
    facts: Markup
    signposts: Markup
    body: Markup
    headings: tuple[Heading, ...]
    references: tuple[Reference, ...]

    @property
    def body_parts(self) -> tuple[Markup, Markup]:
        """The body up to the first element that needs the second style sheet, and the rest."""
        match = STYLED_LATE.search(self.body)
        start = match.start() if match else len(self.body)
        return self.body[:start], self.body[start:]


def load_pages(folder: Path, clinic: Clinic, settings: PageSettings) -> tuple[Page, ...]:
    """The pages of ``folder/pages``, in their order.

    ``settings`` are those that pages can mention. Raises ClinicError with every issue by file
    and line.
    """
    issues = IssueCollector()
    md = create_parser()
    sources = read_sources(folder / "references.toml", issues)
    context = _page_context(folder, clinic, settings, sources, issues)
    paths = sorted((folder / "pages").glob("[!.]*.md"))  # no editor's lock files
    files = [file for path in paths if (file := read_page_file(path, issues))]
    hidden = {file.path for file in files if not _is_shown(file, context.conditions, issues)}
    # In the order of the pages: it is that of the references' numbers.
    files.sort(key=lambda file: (file.front_matter.order, url_path(file.path)))
    pages = [
        ParsedPage(file, parse_page(md, file.text, context))
        for file in files
        if file.path not in hidden
    ]
    if (home := folder / "pages" / f"{HOME}.md") not in paths:
        issues.add(home, 1, "missing: it is the front page")
    validate_pages(pages, [path for path in paths if path not in hidden], sources, issues)
    issues.raise_if_any()
    return tuple(_page(md, page, context.numbers, sources) for page in pages)


def _page_context(
    folder: Path,
    clinic: Clinic,
    settings: PageSettings,
    sources: Mapping[str, Source],
    issues: IssueCollector,
) -> PageContext:
    texts = {name: text for name, text in settings.items() if isinstance(text, str)}
    values = {
        **{name: PlaceholderValue(text) for name, text in texts.items()},
        **crisis_values(clinic),
        **fact_values(clinic),
        "clinic.name": PlaceholderValue(clinic.name),
        "clinic.phone": PlaceholderValue(clinic.phone, f"tel:{clinic.tel(clinic.phone)}"),
        "clinic.email": PlaceholderValue(clinic.email, f"mailto:{clinic.email}"),
        "clinic.reply_within": PlaceholderValue(str(clinic.reply_within)),
    }
    conditions = {name: value for name, value in settings.items() if isinstance(value, bool)}
    return PageContext(
        values=values,
        conditions={**conditions, **fact_conditions(clinic), "country.US": clinic.country == "US"},
        lists=fact_lists(clinic),
        calls=care_calls(clinic),
        figures=load_figures(folder / "figures", sources, issues),
    )


def _is_shown(file: PageFile, conditions: Mapping[str, bool], issues: IssueCollector) -> bool:
    """Whether the condition of the page's front matter, if it has one, is true."""
    name = file.front_matter.when
    if name and name not in conditions:
        reason = f"when: use one of {', '.join(conditions)}"
        issues.add(file.path, line_of(file.head, ("when",)), reason)
    return conditions.get(name, True) if name else True


def _page(
    md: MarkdownIt, page: ParsedPage, numbers: Mapping[str, int], sources: Mapping[str, Source]
) -> Page:
    meta, result = page.file.front_matter, page.result
    return Page(
        path=page.path,
        name=page.path.lstrip("/") or "home",
        meta=meta,
        lead=result.lead,
        facts=result.facts,
        signposts=result.signposts,
        body=result.body,
        headings=tuple(result.headings),
        references=tuple(
            render_reference(md, numbers[key], key, sources[key]) for key in result.citation_lines
        ),
    )
