"""A figure -> HTML: the SVG from its template, and its table beneath.

Pure, but for the templates, which are read once.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.pages.figures.base import Figure

FOLDER = Path(__file__).parents[3] / "templates" / "figures"
Cited = Mapping[str, tuple[int, bool]]  # number of each source, and whether it is new here


def _em(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") + "em"


def _percent(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") + "%"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"em": _em, "percent": _percent}
    return made


TEMPLATES = _environment()


class CitationLinks:
    """Hands out the links to sources; the list leads back to the first of each."""

    def __init__(self, cited: Cited) -> None:
        self._cited = cited
        self._waiting = {key for key, (_, new) in cited.items() if new}

    def number(self, key: str) -> int:
        return self._cited[key][0]

    def __call__(self, keys: Iterable[str]) -> list[tuple[int, bool]]:
        """Number of each source, and whether the list leads back to this very place."""
        found = []
        for key in keys:
            found.append((self.number(key), key in self._waiting))
            self._waiting.discard(key)
        return found


def render_figure(figure: Figure, name: str, cited: Cited) -> Markup:
    """The drawing and its table. ``name`` makes its ids differ from those of other figures."""
    template = TEMPLATES.get_template("figure.html")
    return Markup(  # noqa: S704 - the templates escape
        template.render(figure=figure, name=name, cite=CitationLinks(cited))
    )
