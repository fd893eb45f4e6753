"""``clinic/pages/*.md`` -> frozen Pages, all of them checked before the site starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from app.clinic import Clinic
from app.clinic.errors import IssueCollector
from app.pages.conditional_blocks import NO_SETTINGS, PageSettings
from app.pages.figures import load_figures
from app.pages.found import Heading, PlaceholderValue
from app.pages.front_matter import read_source
from app.pages.markdown import create_parser
from app.pages.parser import parse_page
from app.pages.references import Reference, Source, read_sources, render_reference
from app.pages.validation import HOME, BuiltInTargets, ParsedPage, validate_pages


@dataclass(frozen=True)
class Page:
    """One information page, ready for its template. ``updated`` is a date in UTC."""

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


def load_pages(
    folder: Path,
    clinic: Clinic,
    other_paths: Iterable[str] = (),
    home_ids: Iterable[str] = (),
    settings: PageSettings = NO_SETTINGS,
) -> tuple[Page, ...]:
    """The pages of ``folder/pages``, in their order.

    ``other_paths`` are addresses that code answers (``/contact``): links may
    lead there, no page may take them. ``home_ids`` are fragments that the
    front page's template adds. ``settings`` are what pages may state of them.
    Raises ClinicError naming every fault by file and line.
    """
    faults = IssueCollector()
    md, values = create_parser(), placeholders(clinic) | _of_settings(settings)
    sources = read_sources(folder / "references.toml", faults)
    figures = load_figures(folder / "figures", sources, faults)
    files = sorted((folder / "pages").glob("*.md"))
    drafts = [
        ParsedPage(source, parse_page(md, source.text, values, figures, settings))
        for file in files
        if (source := read_source(file, faults))
    ]
    if folder / "pages" / f"{HOME}.md" not in files:
        faults.add(folder / "pages" / f"{HOME}.md", 1, "missing: it is the front page")
    validate_pages(
        drafts, files, sources, BuiltInTargets(frozenset(other_paths), frozenset(home_ids)), faults
    )
    faults.raise_if_any()
    pages = (_page(md, draft, sources) for draft in drafts)
    return tuple(sorted(pages, key=lambda page: (page.order, page.path)))


def placeholders(clinic: Clinic) -> dict[str, PlaceholderValue | None]:
    """What stands for ``{{ … }}``; None for a link that the clinic has not filled in."""
    links = {
        f"link.{name}": PlaceholderValue(str(url), str(url)) if url else None
        for name, url in clinic.links
    }
    return links | {
        "clinic.name": PlaceholderValue(clinic.name),
        "clinic.phone": PlaceholderValue(clinic.phone, f"tel:{clinic.tel(clinic.phone)}"),
        "clinic.email": PlaceholderValue(clinic.email, f"mailto:{clinic.email}"),
        "clinic.reply_within": PlaceholderValue(clinic.reply_within),
    }


def _of_settings(settings: PageSettings) -> dict[str, PlaceholderValue | None]:
    return {
        name: PlaceholderValue(text) for name, text in settings.items() if isinstance(text, str)
    }


def _page(md: MarkdownIt, draft: ParsedPage, sources: Mapping[str, Source]) -> Page:
    head, found = draft.source.head, draft.document.found
    changed = datetime.fromtimestamp(draft.source.file.stat().st_mtime, UTC).date()
    return Page(
        slug=draft.path.lstrip("/"),
        path=draft.path,
        title=head.title,
        description=head.description,
        nav=head.nav,
        order=head.order,
        reviewed=head.reviewed,
        updated=head.updated or changed,
        lead=draft.document.lead,
        body=draft.document.body,
        headings=tuple(found.headings),
        references=tuple(
            render_reference(md, number, key, sources[key])
            for number, key in enumerate(found.cited_at, 1)
        ),
    )
