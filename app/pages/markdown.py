"""The clinic's Markdown: CommonMark, tables, care cards, citations, placeholders.

The parser only recognises. What a citation's number is, or what a placeholder
stands for, is settled by ``document`` once the whole page is parsed.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.container import container_plugin

from app.pages import html_rules

CITATION = re.compile(r"\[@([^\[\]\n]+)\]")
PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")


def create_parser() -> MarkdownIt:
    """A parser and renderer for pages. Raw HTML is parsed only to be refused."""
    md = MarkdownIt("commonmark", {"html": True, "typographer": True})
    md.enable(["table", "smartquotes", "replacements"])
    container_plugin(md, "block", validate=_opens_block)
    md.inline.ruler.before("link", "citation", _citation)
    md.inline.ruler.before("link", "placeholder", _placeholder)
    for name, render in html_rules.RULES.items():
        md.add_render_rule(name, _rule(render))
    return md


def _rule(render: Callable[[Token], str]) -> Callable[..., str]:
    """``render`` as markdown-it calls it."""

    def rule(
        _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
    ) -> str:
        return render(tokens[at])

    return rule


def _opens_block(params: str, _markup: str) -> bool:
    return bool(params.strip())


def _citation(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's interface
    if not (found := CITATION.match(state.src, state.pos)):
        return False
    if not silent:
        keys = tuple(part.strip().removeprefix("@") for part in found[1].split(";"))
        state.push("citation", "", 0).meta["keys"] = keys
    state.pos = found.end()
    return True


def _placeholder(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's interface
    if not (found := PLACEHOLDER.match(state.src, state.pos)):
        return False
    if not silent:
        name, _, text = (part.strip() for part in found[1].partition("|"))
        meta = {"name": name, "text": text, "linked": state.linkLevel > 0}
        state.push("placeholder", "", 0).meta.update(meta)
    state.pos = found.end()
    return True
