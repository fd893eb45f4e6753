"""Parses one page's Markdown and reports every issue in it by line.

It has no side effects. The parser of ``markdown.py`` recognizes citations, placeholders and
blocks as tokens. ``TokenTransformer`` then numbers the citations, sets ids, fills in values and
figures, and checks all of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.pages.conditional_blocks import resolve_blocks
from app.pages.figures.base import Figure
from app.pages.page_parts import split_page
from app.pages.references import NO_PICTURES
from app.pages.render_rules import CARDS, LISTS, OPENING, TITLED


@dataclass(frozen=True)
class PlaceholderValue:
    """The text that replaces a placeholder; a link if it has a ``url``. ``note`` follows it."""

    text: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class PageContext:
    """What all pages can use.

    ``values`` are the placeholders, ``conditions`` those of blocks, ``lists`` the facts that are
    blocks, ``calls`` the buttons at the end of care cards, by kind. ``numbers`` are those of the
    sources, in the order in which the pages cite them: parsing a page adds its sources.
    """

    values: Mapping[str, PlaceholderValue] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    lists: Mapping[str, Markup] = field(default_factory=dict)
    calls: Mapping[str, Markup] = field(default_factory=dict)
    figures: Mapping[str, Figure | None] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """A second-level heading: its id and its plain text."""

    id: str
    text: str


@dataclass
class ParseResult:
    """A parsed page: the parts that ``page_parts.py`` describes, and what they contain.

    Line numbers count from 0, the first line of the Markdown. ``citation_lines`` has the line
    of each source's first citation.
    """

    lead: Markup = field(default_factory=Markup)
    facts: Markup = field(default_factory=Markup)
    signposts: Markup = field(default_factory=Markup)
    body: Markup = field(default_factory=Markup)
    headings: list[Heading] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    citation_lines: dict[str, int] = field(default_factory=dict)
    links: list[tuple[int, str]] = field(default_factory=list)
    issues: list[tuple[int, str]] = field(default_factory=list)


def parse_page(md: MarkdownIt, text: str, context: PageContext) -> ParseResult:
    """Parse ``text``. The parts of the result are empty if it has ``issues``."""
    text, issues = resolve_blocks(text, context.conditions)
    tokens = md.parse(text)
    result = TokenTransformer(context).transform(tokens)
    result.issues += issues
    if not result.issues:
        label_cells(tokens)
        for part, part_tokens in vars(split_page(tokens)).items():
            setattr(result, part, _render(md, part_tokens))
    return result


def _render(md: MarkdownIt, tokens: list[Token]) -> Markup:
    html: str = md.renderer.render(tokens, md.options, {})
    return Markup(html)  # noqa: S704 - markdown-it and our rules escape


def slug(text: str) -> str:
    """``text`` as an id: ``What is ketamine?`` becomes ``what-is-ketamine``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", ""))) or "section"


def plain_text(inline: Token) -> str:
    """The text of an inline token, without markup and citations."""
    children = inline.children or ()
    texts = (child.content or child.meta.get("text", "") for child in children)
    return " ".join("".join(texts).split())


def _not_allowed(token: Token) -> str:
    """Why a page cannot have ``token``, HTML or an image."""
    if token.type == "image":
        return f"picture {token.attrs['src']}: {NO_PICTURES}"
    return f"raw HTML is not allowed: {token.content.strip()[:40]}"


class TokenTransformer:
    """Fills in the tokens of one page in place, and returns a ParseResult."""

    def __init__(self, context: PageContext) -> None:
        self.result = ParseResult()
        self._context = context
        self._line = 0
        self._level = 1  # of the last heading; the page's title is level 1
        self._section = ""
        self._blocks: list[Token] = []
        self._tables: dict[str, int] = {}

    def transform(self, tokens: list[Token]) -> ParseResult:
        for index, token in enumerate(tokens):
            self._line = token.map[0] if token.map else self._line
            for part in (token, *(token.children or ())):
                self._transform(part)
            if token.type == "heading_close":
                self._heading(tokens[index - 2], plain_text(tokens[index - 1]))
        return self.result

    def _transform(self, token: Token) -> None:
        match token.type:
            case "container_block_open":
                self._open_block(token)
            case "container_block_close":
                token.meta |= self._blocks.pop().meta
            case "ordered_list_open":
                self._list(token)
            case "table_open":
                self._table(token)
            case "html_block" | "html_inline" | "image":
                self._add_issue(_not_allowed(token))
            case "citation":
                token.meta["citations"] = [self._cite(key) for key in token.meta["keys"]]
            case "placeholder":
                self._placeholder(token)
            case "link_open":
                self.result.links.append((self._line, str(token.attrs["href"])))
            case "softbreak" | "hardbreak":
                self._line += 1

    def _add_issue(self, reason: str) -> None:
        self.result.issues.append((self._line, reason))

    def _unique_id(self, text: str) -> str:
        base = name = slug(text)
        count = 1
        while name in self.result.ids:
            count += 1
            name = f"{base}-{count}"
        self.result.ids.add(name)
        return name

    def _heading(self, token: Token, text: str) -> None:
        level = int(token.tag[1])
        if level == 1:
            self._add_issue("the title is the page's only first-level heading; begin with ##")
        elif level > self._level + 1:
            self._add_issue(f"heading {text!r} skips a level")
        self._level, self._section = level, text
        identifier = token.attrs["id"] = self._unique_id(text)
        if level == 2:
            self.result.headings.append(Heading(identifier, text))

    def _open_block(self, token: Token) -> None:
        kind, _, title = token.info.strip().partition(" ")
        title = title.strip()
        self._blocks.append(token)
        if kind == "figure":
            self._figure(token, title)
            return
        if kind in LISTS:
            token.meta |= {"kind": kind, "title": "", "html": self._context.lists[kind]}
            return
        if kind in TITLED and not title:
            self._add_issue(f"::: {kind} needs a title")
        if kind in OPENING and self._level > 1:
            self._add_issue(f"::: {kind} belongs above the first heading")
        level = 3 if self._level > 1 else 2
        identifier = self._unique_id(title) if title and kind in CARDS else ""
        token.meta |= {"kind": kind, "title": title, "id": identifier, "level": level}
        token.meta["calls"] = self._context.calls.get(kind, "")

    def _figure(self, token: Token, name: str) -> None:
        token.meta |= {"kind": "figure", "title": name}
        if figure := self._context.figures.get(name):
            citations = [[self._cite(key) for key in row.references] for row in figure.rows]
            token.meta |= {"figure": figure, "citations": citations}
        elif name not in self._context.figures:
            self._add_issue(f"unknown figure {name}: there is no figures/{name}.toml")

    def _list(self, token: Token) -> None:
        if any(block.meta["kind"] == "timeline" for block in self._blocks):
            token.attrs["class"] = "timeline"

    def _table(self, token: Token) -> None:
        label = self._section or "Table"
        count = self._tables[label] = self._tables.get(label, 0) + 1
        token.meta["label"] = label if count == 1 else f"{label}, table {count}"

    def _cite(self, key: str) -> tuple[int, bool]:
        """The number of source ``key``, and whether this is its first citation on this page."""
        first = key not in self.result.citation_lines
        self.result.citation_lines.setdefault(key, self._line)
        numbers = self._context.numbers
        return numbers.setdefault(key, len(numbers) + 1), first

    def _placeholder(self, token: Token) -> None:
        name = token.meta["name"]
        if value := self._context.values.get(name):
            text = token.meta["text"] or value.text
            token.meta |= {"text": text, "url": value.url, "note": value.note}
        else:
            self._add_issue(f"unknown or unset placeholder {{{{ {name} }}}}")


def label_cells(tokens: Iterable[Token]) -> None:
    """Add the name of its column to each cell of a table, because phones show it row by row.

    Cells of the first column get no name: they are the title of the row.
    """
    names, column = list[str](), 0
    for token, following in pairwise(tokens):
        match token.type:
            case "table_open":
                names = []
            case "th_open":
                names.append(plain_text(following))
            case "tr_open":
                column = 0
            case "td_open":
                if column:
                    token.meta["column"] = names[column]
                column += 1
