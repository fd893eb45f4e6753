"""Parses one page's Markdown and reports every issue in it by line.

It has no side effects.
"""

from collections.abc import Mapping

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.pages.conditional_blocks import PageSettings, resolve_blocks
from app.pages.figures.base import Figure
from app.pages.resolver import ParseResult, PlaceholderValue, TokenResolver, label_cells


def parse_page(
    md: MarkdownIt,
    text: str,
    values: Mapping[str, PlaceholderValue | None],
    figures: Mapping[str, Figure | None],
    settings: PageSettings,
) -> ParseResult:
    """Parse ``text``. ``values`` are the placeholders, None for a link that is not set.

    ``lead`` and ``body`` of the result are empty if it has ``issues``.
    """
    text, issues = resolve_blocks(text, settings)
    tokens = _without_unset_links(md.parse(text), values)
    result = TokenResolver(values, figures).resolve(tokens)
    result.issues += issues
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
