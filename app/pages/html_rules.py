"""HTML of what Markdown itself does not know. Each rule: a settled token in, HTML out."""

from collections.abc import Callable, Mapping

from markdown_it.token import Token
from markupsafe import escape

from app.pages.figures.render import render_figure

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# The word that says what a card is, so that no meaning hangs on its color.
CARDS = {
    "emergency": "Emergency",
    "urgent": "Urgent",
    "ask": "Ask us",
    "do": "Do",
    "dont": f"Don{APOSTROPHE}t",
    "note": "",
    "summary": "",
}
BLOCKS = frozenset((*CARDS, "timeline", "figure", "when"))


def _citation(token: Token) -> str:
    return f'<sup class="cite">{", ".join(map(_cite, token.meta["numbers"]))}</sup>'


def _cite(numbered: tuple[int, bool]) -> str:
    number, first = numbered
    # The list leads back to the first citation: a row of arrows helps nobody.
    anchor = f' id="cite-{number}"' if first else ""
    return f'<a href="#ref-{number}"{anchor} aria-label="Reference {number}">{number}</a>'


def _placeholder(token: Token) -> str:
    text, address = escape(token.meta["text"]), escape(token.meta["address"])
    if token.meta["linked"] or not address:
        return text
    return f'<a href="{address}">{text}</a>'


def _block_open(token: Token) -> str:
    kind, title = token.meta["kind"], token.meta["title"].replace("'", APOSTROPHE)
    if figure := token.meta.get("figure"):
        title = escape(figure.title)
        name = "figure" if figure.printed else "figure unprinted"
        return f'<figure class="{name}"><figcaption><strong>{title}</strong>\n'
    if kind not in CARDS:
        return ""
    word = CARDS[kind]
    said = title.casefold().startswith(word.casefold())
    shown = escape(title) if said else f'<span class="card-kind">{word}</span> {escape(title)}'
    identity, heading = token.meta["id"], f"h{token.meta['level']}"
    return (
        f'<section class="card card-{kind}" aria-labelledby="{identity}">'
        f'<{heading} class="card-title" id="{identity}">{shown.strip()}</{heading}>\n'
    )


def _block_close(token: Token) -> str:
    if figure := token.meta.get("figure"):
        drawn = render_figure(figure, token.meta["id"], token.meta["cited"])
        return f"</figcaption>\n{drawn}</figure>\n"
    return "</section>\n" if token.meta["kind"] in CARDS else ""


def _table_open(token: Token) -> str:
    label, wide = escape(token.meta["label"]), ' class="wide"' if token.meta["wide"] else ""
    return (
        f'<div class="table-wrap" role="region" tabindex="0" aria-label="{label}"><table{wide}>\n'
    )


def _table_close(_token: Token) -> str:
    return "</table></div>\n"


def _column_heading(_token: Token) -> str:
    return '<th scope="col">'


def _cell(token: Token) -> str:
    """Without markdown-it's style attribute, which our CSP forbids."""
    column = token.meta.get("column")
    return f'<td data-column="{escape(column)}">' if column else "<td>"


def _as_text(token: Token) -> str:
    return escape(token.content)


RULES: Mapping[str, Callable[[Token], str]] = {
    "citation": _citation,
    "placeholder": _placeholder,
    "container_block_open": _block_open,
    "container_block_close": _block_close,
    "table_open": _table_open,
    "table_close": _table_close,
    "th_open": _column_heading,
    "td_open": _cell,
    "html_inline": _as_text,
    "html_block": _as_text,
}
