"""Loads ``clinic/pages/*.md`` as immutable pages and checks all of them before the site starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from app.clinic import Clinic
from app.clinic.errors import IssueCollector
from app.pages.conditional_blocks import PageSettings
from app.pages.figures import load_figures
from app.pages.front_matter import read_source
from app.pages.markdown import create_parser
from app.pages.parser import parse_page
from app.pages.references import Reference, Source, read_sources, render_reference
from app.pages.resolver import Heading, PlaceholderValue
from app.pages.validation import HOME, ParsedPage, validate_pages


@dataclass(frozen=True)
class Page:
    """An information page, ready for its template. ``updated`` is a date in UTC."""

    slug: str
    path: str
    title: str
    description: str
    nav: str | None
    order: int
    reviewed: date | None
    updated: date
    lead: Markup
    body: Markup
    headings: tuple[Heading, ...]
    references: tuple[Reference, ...]


def load_pages(folder: Path, clinic: Clinic, settings: PageSettings) -> tuple[Page, ...]:
    """The pages of ``folder/pages``, in their order.

    ``settings`` are those that pages can mention. Raises ClinicError with every issue by file
    and line.
    """
    issues = IssueCollector()
    md, values = create_parser(), placeholders(clinic, settings)
    sources = read_sources(folder / "references.toml", issues)
    figures = load_figures(folder / "figures", sources, issues)
    files = sorted((folder / "pages").glob("*.md"))
    pages = [
        ParsedPage(source, parse_page(md, source.text, values, figures, settings))
        for file in files
        if (source := read_source(file, issues))
    ]
    if (home := folder / "pages" / f"{HOME}.md") not in files:
        issues.add(home, 1, "missing: it is the front page")
    validate_pages(pages, files, sources, issues)
    issues.raise_if_any()
    rendered = (_page(md, page, sources) for page in pages)
    return tuple(sorted(rendered, key=lambda page: (page.order, page.path)))


def placeholders(clinic: Clinic, settings: PageSettings) -> dict[str, PlaceholderValue | None]:
    """The values of ``{{ … }}``; None for a link that the clinic has not set."""
    links = {
        f"link.{name}": PlaceholderValue(str(url), str(url)) if url else None
        for name, url in clinic.links
    }
    texts = {
        name: PlaceholderValue(text) for name, text in settings.items() if isinstance(text, str)
    }
    return {
        **links,
        **texts,
        "clinic.name": PlaceholderValue(clinic.name),
        "clinic.phone": PlaceholderValue(clinic.phone, f"tel:{clinic.tel(clinic.phone)}"),
        "clinic.email": PlaceholderValue(clinic.email, f"mailto:{clinic.email}"),
        "clinic.reply_within": PlaceholderValue(clinic.reply_within),
    }


def _page(md: MarkdownIt, page: ParsedPage, sources: Mapping[str, Source]) -> Page:
    front_matter, result = page.source.front_matter, page.result
    modified = datetime.fromtimestamp(page.source.file.stat().st_mtime, UTC).date()
    return Page(
        slug=page.path.lstrip("/"),
        path=page.path,
        title=front_matter.title,
        description=front_matter.description,
        nav=front_matter.nav,
        order=front_matter.order,
        reviewed=front_matter.reviewed,
        updated=front_matter.updated or modified,
        lead=result.lead,
        body=result.body,
        headings=tuple(result.headings),
        references=tuple(
            render_reference(md, number, key, sources[key])
            for number, key in enumerate(result.citation_lines, 1)
        ),
    )
