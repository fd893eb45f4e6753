"""One page's Markdown -> its parts, with every fault in it named by its line.

Values in, values out: no request, no file, no clock.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.pages.conditional_blocks import NO_SETTINGS, PageSettings, filter_conditional_blocks
from app.pages.figures.base import Figure
from app.pages.found import ParseResult, PlaceholderValue
from app.pages.html_rules import BLOCKS
from app.pages.resolver import TokenResolver
from app.pages.responsive_tables import label_cells

NO_FIGURES: Mapping[str, Figure | None] = MappingProxyType({})
BLOCK = re.compile(r"\s{0,3}:::+\s*(\S*)")


@dataclass(frozen=True)
class Document:
    """A parsed page: the paragraphs at its top, the rest, and what was found in both."""

    lead: Markup
    body: Markup
    found: ParseResult


def parse_page(
    md: MarkdownIt,
    text: str,
    values: Mapping[str, PlaceholderValue | None],
    figures: Mapping[str, Figure | None] = NO_FIGURES,
    settings: PageSettings = NO_SETTINGS,
) -> Document:
    """``text`` as a document; ``values`` by placeholder, None for a link not filled in.
    ``settings`` decide about filter_conditional_blocks.

    The document is empty when there are faults in ``found.faults``.
    """
    tokens, faults = filter_conditional_blocks(md.parse(text), settings)
    tokens = _without_empty_links(tokens, values)
    found = TokenResolver(values, figures).resolve(tokens)
    found.faults += [*faults, *_block_faults(text)]
    if found.faults:
        return Document(Markup(), Markup(), found)
    label_cells(tokens)
    split = _end_of_lead(tokens)
    return Document(_html(md, tokens[:split]), _html(md, tokens[split:]), found)


def _html(md: MarkdownIt, tokens: list[Token]) -> Markup:
    html: str = md.renderer.render(tokens, md.options, {})
    return Markup(html)  # noqa: S704 - markdown-it and our rules escape


def _end_of_lead(tokens: list[Token]) -> int:
    at = 0
    while at < len(tokens) and tokens[at].type == "paragraph_open":
        at += 3  # paragraph_open, inline, paragraph_close
    return at


def _without_empty_links(
    tokens: list[Token], values: Mapping[str, PlaceholderValue | None]
) -> list[Token]:
    """``tokens`` without the paragraphs that are nothing but a link not filled in."""
    empty = {
        near
        for at, token in enumerate(tokens)
        if [child.type for child in token.children or ()] == ["placeholder"]
        and values.get((token.children or [])[0].meta["name"], PlaceholderValue("")) is None
        for near in (at - 1, at, at + 1)
    }
    return [token for at, token in enumerate(tokens) if at not in empty]


def _block_faults(text: str) -> Iterator[tuple[int, str]]:
    """Unknown blocks, blocks inside blocks, blocks that never end or never began."""
    opened: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines()):
        if not (found := BLOCK.match(line)):
            continue
        kind = found[1]
        if kind and kind not in BLOCKS:
            yield number, f"unknown block ::: {kind}"
        if kind and opened:
            yield number, f"::: {kind} begins before ::: {opened[1]} has ended"
        if not kind and not opened:
            yield number, "::: ends a block that never began"
        opened = (number, kind) if kind else None
    if opened:
        yield opened[0], f"::: {opened[1]} never ends"
