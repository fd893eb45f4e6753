"""Second pass over the tokens of a page: fills in numbers, ids, placeholders and figures."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from markdown_it.token import Token
from markupsafe import Markup

from app.pages.figures.base import Figure, is_wide
from app.pages.render_rules import CARDS


@dataclass(frozen=True)
class PlaceholderValue:
    """The text that replaces a placeholder; a link if it has a ``url``."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Heading:
    """A second-level heading: its id and its plain text."""

    id: str
    text: str


@dataclass
class ParseResult:
    """A parsed page: the paragraphs at the top, the rest, and what both contain.

    Line numbers count from 0, the first line of the Markdown. ``citation_lines`` has the line
    of each source's first citation, in the order of their numbers.
    """

    lead: Markup = field(default_factory=Markup)
    body: Markup = field(default_factory=Markup)
    headings: list[Heading] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    citation_lines: dict[str, int] = field(default_factory=dict)
    links: list[tuple[int, str]] = field(default_factory=list)
    issues: list[tuple[int, str]] = field(default_factory=list)


def slug(text: str) -> str:
    """``text`` as an id: ``What is ketamine?`` becomes ``what-is-ketamine``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", ""))) or "section"


def plain_text(inline: Token) -> str:
    """The text of an inline token, without markup and citations."""
    children = inline.children or ()
    texts = (child.content or child.meta.get("text", "") for child in children)
    return " ".join("".join(texts).split())


class TokenResolver:
    """Completes the tokens of one page in place and collects a ParseResult."""

    def __init__(
        self,
        values: Mapping[str, PlaceholderValue | None],
        figures: Mapping[str, Figure | None],
    ) -> None:
        self.result = ParseResult()
        self._values = values
        self._figures = figures
        self._line = 0
        self._level = 1  # of the last heading; the page's title is level 1
        self._section = ""
        self._blocks: list[Token] = []
        self._tables: dict[str, int] = {}
        self._handlers: dict[str, Callable[[Token], None]] = {
            "container_block_open": self._open_block,
            "container_block_close": self._close_block,
            "ordered_list_open": self._list,
            "table_open": self._table,
            "html_block": self._html,
            "html_inline": self._html,
            "citation": self._citation,
            "placeholder": self._placeholder,
            "link_open": self._link,
            "softbreak": self._line_break,
            "hardbreak": self._line_break,
        }

    def resolve(self, tokens: list[Token]) -> ParseResult:
        for index, token in enumerate(tokens):
            self._line = token.map[0] if token.map else self._line
            for part in (token, *(token.children or ())):
                if handler := self._handlers.get(part.type):
                    handler(part)
            if token.type == "heading_close":
                self._heading(tokens[index - 2], plain_text(tokens[index - 1]))
        return self.result

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
        if kind in CARDS and not title:
            self._add_issue(f"::: {kind} needs a title")
        level = 3 if self._level > 1 else 2
        identifier = self._unique_id(title) if title else ""
        token.meta |= {"kind": kind, "title": title, "id": identifier, "level": level}

    def _close_block(self, token: Token) -> None:
        token.meta |= self._blocks.pop().meta

    def _figure(self, token: Token, name: str) -> None:
        identifier = self._unique_id(f"figure {name}")
        token.meta |= {"kind": "figure", "title": name, "id": identifier}
        if figure := self._figures.get(name):
            citations = [[self._cite(key) for key in row.references] for row in figure.rows]
            numbers = {key: self._cite(key)[0] for key in figure.references}
            token.meta |= {"figure": figure, "citations": citations, "numbers": numbers}
        elif name not in self._figures:
            self._add_issue(f"unknown figure {name}: there is no figures/{name}.toml")

    def _list(self, token: Token) -> None:
        if any(block.meta["kind"] == "timeline" for block in self._blocks):
            token.attrs["class"] = "timeline"

    def _table(self, token: Token) -> None:
        label = self._section or "Table"
        count = self._tables[label] = self._tables.get(label, 0) + 1
        token.meta["label"] = label if count == 1 else f"{label}, table {count}"

    def _html(self, token: Token) -> None:
        self._add_issue(f"raw HTML is not allowed: {token.content.strip()[:40]}")

    def _citation(self, token: Token) -> None:
        token.meta["citations"] = [self._cite(key) for key in token.meta["keys"]]

    def _cite(self, key: str) -> tuple[int, bool]:
        """The number of source ``key`` on this page, and whether this is its first citation."""
        first = key not in self.result.citation_lines
        self.result.citation_lines.setdefault(key, self._line)
        return list(self.result.citation_lines).index(key) + 1, first

    def _placeholder(self, token: Token) -> None:
        name = token.meta["name"]
        value = self._values.get(name)
        if name not in self._values:
            self._add_issue(f"unknown placeholder {{{{ {name} }}}}")
        elif value is None:
            self._add_issue(f"{{{{ {name} }}}} must stand alone in its paragraph")
        else:
            token.meta |= {"text": token.meta["text"] or value.text, "url": value.url}

    def _link(self, token: Token) -> None:
        self.result.links.append((self._line, str(token.attrs["href"])))

    def _line_break(self, _token: Token) -> None:
        self._line += 1


def label_cells(tokens: Iterable[Token]) -> None:
    """Add the name of its column to each cell of a wide table, which phones show row by row.

    Cells of the first column get no name: they are the title of the row.
    """
    table, names, column, in_heading = Token("", "", 0), list[str](), 0, False
    for token in tokens:
        if token.type == "table_open":
            table, names = token, []
        elif token.type in ("th_open", "th_close"):
            in_heading = token.type == "th_open"
        elif token.type == "inline" and in_heading:
            names.append(plain_text(token))
        elif token.type == "thead_close":
            table.meta["wide"] = is_wide(len(names))
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            if column and table.meta["wide"]:
                token.meta["column"] = names[column]
            column += 1
