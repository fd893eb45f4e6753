"""``clinic/references.toml``: every source in full, once; pages cite it by key."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from markdown_it import MarkdownIt
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, HttpUrl, StringConstraints, ValidationError

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector


class Source(BaseModel):
    """A published source. ``text`` is inline Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # No placeholder and no citation inside a source.
    text: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^{}@]+$")]
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    pmid: Annotated[str, StringConstraints(pattern=r"^\d{1,9}$")] | None = None
    url: HttpUrl | None = None

    @property
    def link(self) -> str | None:
        """Where to read it, the most lasting address first."""
        if self.doi:
            return f"https://doi.org/{quote(self.doi, safe='/():;.,_-')}"
        if self.url:
            return str(self.url)
        return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/" if self.pmid else None


@dataclass(frozen=True)
class Reference:
    """A source as one page lists it: ``backlinks`` are the ids of the places that cite it."""

    number: int
    key: str
    html: Markup
    backlinks: tuple[str, ...]
    link: str | None


def read_sources(file: Path, faults: IssueCollector) -> dict[str, Source]:
    """The sources by key; whatever is wrong goes to ``faults``. No file: no sources."""
    if not file.exists():
        return {}
    if (text := toml_reader.read_text(file, faults)) is None:
        return {}
    sources = {}
    for key, table in (toml_reader.parse(file, text, faults) or {}).items():
        try:
            sources[key] = Source.model_validate(table)
        except ValidationError as error:
            for one in error.errors():
                place = ".".join(str(part) for part in (key, *one["loc"]))
                faults.add(file, _line_of(text, key), f"{place}: {one['msg']}")
    return sources


def _line_of(text: str, key: str) -> int:
    found = re.search(rf"^\[{re.escape(key)}\]", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def render_reference(md: MarkdownIt, number: int, key: str, source: Source) -> Reference:
    """``source`` as entry ``number`` of a page's list."""
    links = []
    if source.doi:
        links.append(_link(source.link or "", f"doi:{source.doi}"))
    elif source.pmid:
        links.append(_link(f"https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/", "PubMed"))
    if source.url:
        links.append(_link(str(source.url), source.url.host or "Read it"))
    html = Markup(" ").join([Markup(md.renderInline(source.text)), *links])  # noqa: S704
    return Reference(number, key, html, (f"cite-{number}",), source.link)


def _link(address: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, text)
