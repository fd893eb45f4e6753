"""The Markdown of pages: CommonMark, tables, blocks, citations and placeholders.

The parser only recognizes them. ``parser.py`` numbers the citations and fills in the
placeholders once the whole page is parsed.
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_core.replacements import replace_rare
from markdown_it.rules_core.state_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from app.pages import render_rules

CITATION = re.compile(r"\[@([^\[\]\n]+)\]")
PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")


def create_parser() -> MarkdownIt:
    """A parser and renderer for pages. Raw HTML is recognized only to be rejected."""
    md = MarkdownIt("commonmark", {"html": True, "typographer": True})
    md.enable(["table", "smartquotes", "replacements"])
    md.core.ruler.at("replacements", _dashes_and_ellipses)
    container_plugin(md, "block", validate=lambda params, _markup: bool(params.strip()))
    md.inline.ruler.before("link", "citation", _citation)
    md.inline.ruler.before("link", "placeholder", _placeholder)
    for name, render in render_rules.RULES.items():
        md.add_render_rule(name, _render_rule(render))
    return md


def _dashes_and_ellipses(state: StateCore) -> None:
    """What the rule "replacements" does, except "(r)", "(c)" and "(tm)": in medicine, "(R)" names
    a molecule, and in a list "(c)" follows "(b)".
    """
    for token in state.tokens:
        replace_rare(token.children or [])


def _render_rule(render: Callable[[Token], str]) -> Callable[..., str]:
    """``render`` with the signature that markdown-it calls."""
    return lambda _self, tokens, index, *_options: render(tokens[index])


def _citation(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's interface
    if not (match := CITATION.match(state.src, state.pos)):
        return False
    if not silent:
        keys = tuple(part.strip().removeprefix("@") for part in match[1].split(";"))
        state.push("citation", "", 0).meta["keys"] = keys
    state.pos = match.end()
    return True


def _placeholder(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's interface
    if not (match := PLACEHOLDER.match(state.src, state.pos)):
        return False
    if not silent:
        name, _, text = (part.strip() for part in match[1].partition("|"))
        meta = {"name": name, "text": text, "in_link": state.linkLevel > 0}
        state.push("placeholder", "", 0).meta.update(meta)
    state.pos = match.end()
    return True
