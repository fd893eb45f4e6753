"""Second pass over a parsed page: numbers, ids and values go into the tokens."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from markdown_it.token import Token

from app.pages.figures.base import Figure
from app.pages.found import Heading, ParseResult, PlaceholderValue
from app.pages.html_rules import CARDS


def slug(text: str) -> str:
    """``text`` as an id: ``What is ketamine?`` -> ``what-is-ketamine``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", ""))) or "section"


def plain_text(inline: Token) -> str:
    """The words of an inline token, without marks, links and citations."""
    children = inline.children or ()
    words = (child.content or child.meta.get("text", "") for child in children)
    return " ".join("".join(words).split())


class TokenResolver:
    """Walks the tokens of one page once, in order; what it meets goes into ``found``."""

    def __init__(
        self, values: Mapping[str, PlaceholderValue | None], figures: Mapping[str, Figure | None]
    ) -> None:
        self.found = ParseResult()
        self._values = values
        self._figures = figures
        self._line = 0
        self._level = 1  # of the last heading; the page's title is the first
        self._section = ""
        self._blocks: list[Token] = []
        self._tables: dict[str, int] = {}
        self._steps: dict[str, Callable[[Token], None]] = {
            "container_block_open": self._block,
            "container_block_close": self._block_end,
            "ordered_list_open": self._list,
            "table_open": self._table,
            "html_block": self._html,
            "html_inline": self._html,
            "citation": self._citation,
            "placeholder": self._placeholder,
            "link_open": self._link,
            "softbreak": self._next_line,
            "hardbreak": self._next_line,
        }

    def resolve(self, tokens: list[Token]) -> ParseResult:
        """Complete ``tokens`` in place."""
        for at, token in enumerate(tokens):
            self._line = token.map[0] if token.map else self._line
            for part in (token, *(token.children or ())):
                self._steps.get(part.type, _nothing)(part)
            if token.type == "heading_close":
                self._heading(tokens[at - 2], plain_text(tokens[at - 1]))
        return self.found

    def _fault(self, reason: str) -> None:
        self.found.faults.append((self._line, reason))

    def _id(self, text: str) -> str:
        wanted = name = slug(text)
        count = 1
        while name in self.found.ids:
            count += 1
            name = f"{wanted}-{count}"
        self.found.ids.add(name)
        return name

    def _heading(self, token: Token, text: str) -> None:
        level = int(token.tag[1])
        if level == 1:
            self._fault("the title is the page's only first-level heading; begin with ##")
        elif level > self._level + 1:
            self._fault(f"heading {text!r} skips a level")
        self._level, self._section = level, text
        token.attrs["id"] = self._id(text)
        if level == 2:
            self.found.headings.append(Heading(str(token.attrs["id"]), text))

    def _block(self, token: Token) -> None:
        kind, _, title = token.info.strip().partition(" ")
        self._blocks.append(token)
        if kind == "figure":
            self._figure(token, title.strip())
            return
        if kind in CARDS and not title:
            self._fault(f"::: {kind} needs a title")
        level = 3 if self._level > 1 else 2
        identity = self._id(title) if title else ""
        token.meta |= {"kind": kind, "title": title.strip(), "id": identity, "level": level}

    def _block_end(self, token: Token) -> None:
        token.meta |= self._blocks.pop().meta

    def _figure(self, token: Token, name: str) -> None:
        identity = self._id(f"figure {name}")
        token.meta |= {"kind": "figure", "title": name, "id": identity}
        if figure := self._figures.get(name):
            cited = {key: self._cite(key) for key in figure.references}
            token.meta |= {"figure": figure, "cited": cited}
        elif name not in self._figures:
            self._fault(f"unknown figure {name}: there is no figures/{name}.toml")

    def _list(self, token: Token) -> None:
        if any(block.meta["kind"] == "timeline" for block in self._blocks):
            token.attrs["class"] = "timeline"

    def _table(self, token: Token) -> None:
        label = self._section or "Table"
        nth = self._tables[label] = self._tables.get(label, 0) + 1
        token.meta["label"] = label if nth == 1 else f"{label}, table {nth}"

    def _html(self, token: Token) -> None:
        self._fault(f"raw HTML is not allowed: {token.content.strip()[:40]}")

    def _citation(self, token: Token) -> None:
        token.meta["numbers"] = [self._cite(key) for key in token.meta["keys"]]

    def _cite(self, key: str) -> tuple[int, bool]:
        """The number of source ``key`` on this page, and whether it is cited for the first time."""
        first = key not in self.found.cited_at
        self.found.cited_at.setdefault(key, self._line)
        return list(self.found.cited_at).index(key) + 1, first

    def _placeholder(self, token: Token) -> None:
        name = token.meta["name"]
        value = self._values.get(name)
        if name not in self._values:
            self._fault(f"unknown placeholder {{{{ {name} }}}}")
        elif value is None:
            self._fault(f"{{{{ {name} }}}} must stand alone in its paragraph")
        else:
            token.meta |= {"text": token.meta["text"] or value.text, "address": value.address}

    def _link(self, token: Token) -> None:
        self.found.links.append((self._line, str(token.attrs["href"])))

    def _next_line(self, _token: Token) -> None:
        self._line += 1


def _nothing(_token: Token) -> None:
    """Most tokens are complete as parsed."""
