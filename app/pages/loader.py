"""Loads ``clinic/pages/*.md`` as immutable pages and checks all of them before the site starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from app.clinic import Clinic
from app.clinic.errors import IssueCollector
from app.pages.care_calls import care_calls
from app.pages.conditional_blocks import PageSettings
from app.pages.crisis_values import crisis_values
from app.pages.figures import load_figures
from app.pages.front_matter import FrontMatter, read_page_file
from app.pages.markdown import create_parser
from app.pages.parser import Heading, PlaceholderValue, parse_page
from app.pages.references import Reference, Source, read_sources, render_reference
from app.pages.validation import HOME, ParsedPage, validate_pages


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


def load_pages(folder: Path, clinic: Clinic, settings: PageSettings) -> tuple[Page, ...]:
    """The pages of ``folder/pages``, in their order.

    ``settings`` are those that pages can mention. Raises ClinicError with every issue by file
    and line.
    """
    issues = IssueCollector()
    md, values = create_parser(), _placeholders(clinic, settings)
    conditions = {name: value for name, value in settings.items() if isinstance(value, bool)}
    conditions |= {f"link.{name}": url is not None for name, url in clinic.links}
    conditions |= {"country.US": clinic.country == "US"}
    calls = care_calls(clinic)
    sources = read_sources(folder / "references.toml", issues)
    figures = load_figures(folder / "figures", sources, issues)
    paths = sorted((folder / "pages").glob("[!.]*.md"))  # no editor's lock files
    pages = [
        ParsedPage(file, parse_page(md, file.text, values, figures, conditions, calls))
        for path in paths
        if (file := read_page_file(path, issues))
    ]
    if (home := folder / "pages" / f"{HOME}.md") not in paths:
        issues.add(home, 1, "missing: it is the front page")
    validate_pages(pages, paths, sources, issues)
    issues.raise_if_any()
    rendered = (_page(md, page, sources) for page in pages)
    return tuple(sorted(rendered, key=lambda page: (page.meta.order, page.path)))


def _placeholders(clinic: Clinic, settings: PageSettings) -> dict[str, PlaceholderValue]:
    """The values of ``{{ … }}``."""
    links = {
        f"link.{name}": PlaceholderValue(str(url), str(url)) for name, url in clinic.links if url
    }
    texts = {
        name: PlaceholderValue(text) for name, text in settings.items() if isinstance(text, str)
    }
    return {
        **links,
        **texts,
        **crisis_values(clinic),
        "clinic.name": PlaceholderValue(clinic.name),
        "clinic.phone": PlaceholderValue(clinic.phone, f"tel:{clinic.tel(clinic.phone)}"),
        "clinic.email": PlaceholderValue(clinic.email, f"mailto:{clinic.email}"),
        "clinic.reply_within": PlaceholderValue(clinic.reply_within),
    }


def _page(md: MarkdownIt, page: ParsedPage, sources: Mapping[str, Source]) -> Page:
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
            render_reference(md, number, key, sources[key])
            for number, key in enumerate(result.citation_lines, 1)
        ),
    )
