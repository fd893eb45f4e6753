"""``clinic/references.toml``: each source in full, once; pages cite it by its key.

The sources that pages cite are numbered for the whole site, on ``/references``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from markdown_it import MarkdownIt
from markupsafe import Markup
from pydantic import AfterValidator, HttpUrl, StringConstraints

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector
from app.clinic.models import FrozenModel

NO_PICTURES = "no page shows picture files; describe it in words, or use a figure"


def _without_picture(text: str) -> str:
    if "![" in text:
        raise ValueError(NO_PICTURES)
    return text


class Source(FrozenModel):
    """A published source. ``text`` is inline Markdown without placeholders and citations."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[^{}@]+$"),
        AfterValidator(_without_picture),
    ]
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    pmid: Annotated[str, StringConstraints(pattern=r"^\d{1,9}$")] | None = None
    url: HttpUrl | None = None

    @property
    def link(self) -> str | None:
        """The most permanent URL of the source."""
        if self.doi:
            return f"https://doi.org/{quote(self.doi, safe='/():;.,_-')}"
        return str(self.url) if self.url else self.pubmed_link

    @property
    def pubmed_link(self) -> str | None:
        return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/" if self.pmid else None


@dataclass(frozen=True)
class Reference:
    """A source that a page cites, with its number in the list of the whole site."""

    number: int
    key: str
    html: Markup
    link: str | None


def read_sources(file: Path, issues: IssueCollector) -> dict[str, Source]:
    """The sources by key, none without the file; what is wrong is added to ``issues``."""
    text = toml_reader.read_text(file, issues) if file.exists() else None
    tables = toml_reader.parse(file, text or "", issues) or {}
    sources = {
        key: toml_reader.validate(Source, table, file, text or "", issues, (key,))
        for key, table in tables.items()
    }
    return {key: source for key, source in sources.items() if source}


def render_reference(md: MarkdownIt, number: int, key: str, source: Source) -> Reference:
    """``source`` as entry ``number`` of the list."""
    links = []
    if source.doi:
        links.append((source.link, f"doi:{source.doi}"))
    elif source.pmid:
        links.append((source.pubmed_link, "PubMed"))
    if source.url:
        links.append((str(source.url), source.url.host or "Read it"))
    html = [Markup(md.renderInline(source.text))]  # noqa: S704 - markdown-it escapes
    html += [Markup('<a href="{}">{}</a>').format(*link) for link in links]
    return Reference(number, key, Markup(" ").join(html), source.link)
