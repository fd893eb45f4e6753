"""Draws figures as SVG images, and puts them on a page with their data in a table.

Each figure is drawn twice: narrow for phones, where its text keeps its size, and wide.
"""

import base64
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.pages.figures.base import Figure, Layout, format_number

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
FONT_SIZE = 17  # pixels
# An image loads nothing, so the site's font is part of it.
FONT = Path(__file__).parents[3] / "static/fonts/atkinson-hyperlegible-next.woff2"
STYLE = (
    "@font-face{font-family:Read;font-weight:400 700;src:url(data:font/woff2;base64,"
    f"{base64.b64encode(FONT.read_bytes()).decode()})}}"
    ":root{color:var(--ink);fill:currentColor;font-family:Read,system-ui,sans-serif}"
)


def draw_figure(figure: Figure, layout: Layout, css: str) -> str:
    """``figure`` as an SVG image. ``css`` defines the color tokens."""
    return TEMPLATES.get_template("image.svg").render(
        figure=figure, layout=layout, size=pixels(figure, layout), font=FONT_SIZE, css=css + STYLE
    )


def pixels(figure: Figure, layout: Layout) -> tuple[int, int]:
    """Width and height of the image in CSS pixels."""
    return round(layout.width * FONT_SIZE), round(figure.height(layout) * FONT_SIZE)


def render_figure(figure: Figure, name: str, citation_links: Iterable[Markup]) -> Markup:
    """The images of the figure called ``name``, and its table with ``citation_links``."""
    html = TEMPLATES.get_template("figure.html").render(
        figure=figure,
        name=name,
        rows=zip(figure.rows, citation_links, strict=True),
        narrow=pixels(figure, Layout.NARROW),
        wide=pixels(figure, Layout.WIDE),
    )
    return Markup(html)  # noqa: S704 - the templates escape
