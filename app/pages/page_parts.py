"""Divides a page's tokens into the parts that its template arranges.

Above the article are the leading paragraphs, short facts, and links to other pages. In the
article, cards that follow one another form a group.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from markdown_it.token import Token

from app.pages.render_rules import CARDS, OPENING

Block = list[Token]


@dataclass
class PageParts:
    """The tokens of each part, in the order of the page."""

    lead: list[Token] = field(default_factory=list)
    facts: list[Token] = field(default_factory=list)
    signposts: list[Token] = field(default_factory=list)
    body: list[Token] = field(default_factory=list)


def split_page(tokens: Iterable[Token]) -> PageParts:
    """Divide ``tokens``; the article begins at the first block that is not of the opening."""
    parts, article = PageParts(), list[Block]()
    for block in _top_level_blocks(tokens):
        kind = _kind(block)
        if article or (kind not in OPENING and block[0].type != "paragraph_open"):
            article.append(block)
        elif kind == "fact":
            parts.facts += block
        elif kind in OPENING:
            parts.signposts += block
        elif parts.facts or parts.signposts:
            article.append(block)
        else:
            parts.lead += block
    parts.body = list(_group_cards(article))
    return parts


def _top_level_blocks(tokens: Iterable[Token]) -> Iterator[Block]:
    block, depth = Block(), 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def _kind(block: Block) -> str:
    """The kind of a ``:::`` block; empty for anything else."""
    return str(block[0].meta.get("kind", ""))


def _group_cards(blocks: Sequence[Block]) -> Iterator[Token]:
    for are_cards, run in groupby(blocks, lambda block: _kind(block) in CARDS):
        cards = list(run)
        grouped = are_cards and len(cards) > 1
        if grouped:
            yield Token("cards_open", "div", 1)
        for block in cards:
            yield from block
        if grouped:
            yield Token("cards_close", "div", -1)
