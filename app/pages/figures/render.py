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


def render_figure(
    figure: Figure, name: str, citation_links: Iterable[Markup], numbers: Mapping[str, int]
) -> Markup:
    """The drawing and its table, whose rows end with ``citation_links``.

    ``name`` is the prefix of its ids on the page, ``numbers`` are those of its references.
    """
    rows = zip(figure.rows, citation_links, strict=True)
    html = TEMPLATES.get_template("figure.html").render(
        figure=figure, name=name, rows=rows, numbers=numbers
    )
    return Markup(html)  # noqa: S704 - the templates escape
