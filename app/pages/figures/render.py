"""Renders a figure as HTML: an SVG from its template, followed by its table."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.pages.figures.base import Figure, format_number

FOLDER = Path(__file__).parents[3] / "templates" / "figures"
TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["em"] = lambda value: f"{format_number(value)}em"
TEMPLATES.filters["percent"] = lambda value: f"{format_number(value, 1)}%"


class CitationLinks:
    """The citations of one figure: ``number`` and first use of each source on the page."""

    def __init__(self, citations: Mapping[str, tuple[int, bool]]) -> None:
        self._citations = citations
        self._needs_anchor = {key for key, (_, first) in citations.items() if first}

    def number(self, key: str) -> int:
        return self._citations[key][0]

    def __call__(self, keys: Iterable[str]) -> list[tuple[int, bool]]:
        """Number of each source, and whether its reference links back to this place."""
        links = []
        for key in keys:
            links.append((self.number(key), key in self._needs_anchor))
            self._needs_anchor.discard(key)
        return links


def render_figure(figure: Figure, name: str, citations: Mapping[str, tuple[int, bool]]) -> Markup:
    """The drawing and its table. ``name`` is the prefix of its ids on the page."""
    html = TEMPLATES.get_template("figure.html").render(
        figure=figure, name=name, cite=CitationLinks(citations)
    )
    return Markup(html)  # noqa: S704 - the templates escape
