"""Parses one page's Markdown and reports every issue in it by line.

It has no side effects.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.pages.conditional_blocks import NO_SETTINGS, PageSettings, filter_conditional_blocks
from app.pages.figures.base import Figure
from app.pages.html_rules import BLOCKS
from app.pages.resolver import ParseResult, PlaceholderValue, TokenResolver, label_cells

NO_FIGURES: Mapping[str, Figure | None] = MappingProxyType({})
BLOCK = re.compile(r"\s{0,3}:::+\s*(\S*)")


def parse_page(
    md: MarkdownIt,
    text: str,
    values: Mapping[str, PlaceholderValue | None],
    figures: Mapping[str, Figure | None] = NO_FIGURES,
    settings: PageSettings = NO_SETTINGS,
) -> ParseResult:
    """Parse ``text``. ``values`` are the placeholders, None for a link that is not set.

    ``lead`` and ``body`` of the result are empty if it has ``issues``.
    """
    tokens, issues = filter_conditional_blocks(md.parse(text), settings)
    tokens = _without_unset_links(tokens, values)
    result = TokenResolver(values, figures).resolve(tokens)
    result.issues += [*issues, *_block_issues(text)]
    if not result.issues:
        label_cells(tokens)
        end = _end_of_lead(tokens)
        result.lead, result.body = _render(md, tokens[:end]), _render(md, tokens[end:])
    return result


def _render(md: MarkdownIt, tokens: list[Token]) -> Markup:
    html: str = md.renderer.render(tokens, md.options, {})
    return Markup(html)  # noqa: S704 - markdown-it and our rules escape


def _end_of_lead(tokens: list[Token]) -> int:
    index = 0
    while index < len(tokens) and tokens[index].type == "paragraph_open":
        index += 3  # paragraph_open, inline, paragraph_close
    return index


def _without_unset_links(
    tokens: list[Token], values: Mapping[str, PlaceholderValue | None]
) -> list[Token]:
    """``tokens`` without the paragraphs that contain only a link that is not set."""
    unset = {name for name, value in values.items() if value is None}
    removed = {
        paragraph_index
        for index, token in enumerate(tokens)
        if [child.type for child in token.children or ()] == ["placeholder"]
        and (token.children or [])[0].meta["name"] in unset
        for paragraph_index in (index - 1, index, index + 1)
    }
    return [token for index, token in enumerate(tokens) if index not in removed]


def _block_issues(text: str) -> Iterator[tuple[int, str]]:
    """Unknown blocks, nested blocks, blocks that are never closed or never opened."""
    opened: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines()):
        if not (match := BLOCK.match(line)):
            continue
        kind = match[1]
        if kind and kind not in BLOCKS:
            yield number, f"unknown block ::: {kind}"
        if kind and opened:
            yield number, f"::: {kind} starts before ::: {opened[1]} is closed"
        if not kind and not opened:
            yield number, "::: closes a block that was never opened"
        opened = (number, kind) if kind else None
    if opened:
        yield opened[0], f"::: {opened[1]} is never closed"
