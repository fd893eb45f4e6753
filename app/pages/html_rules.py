"""HTML of the tokens that Markdown itself does not have. Each rule gets a resolved token."""

from collections.abc import Callable, Mapping

from markdown_it.token import Token
from markupsafe import escape

from app.pages.figures.render import render_figure

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# The word that names the kind of a card, so that no meaning depends on its color.
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


def _citations(token: Token) -> str:
    links = (_citation_link(*citation) for citation in token.meta["citations"])
    return f'<sup class="cite">{", ".join(links)}</sup>'


def _citation_link(number: int, first: bool) -> str:  # noqa: FBT001 - a pair of the token
    # The reference links back to its first citation only, to keep the list short.
    anchor = f' id="cite-{number}"' if first else ""
    return f'<a href="#ref-{number}"{anchor} aria-label="Reference {number}">{number}</a>'


def _placeholder(token: Token) -> str:
    text, url = escape(token.meta["text"]), escape(token.meta["url"])
    if token.meta["in_link"] or not url:
        return text
    return f'<a href="{url}">{text}</a>'


def _block_open(token: Token) -> str:
    kind, title = token.meta["kind"], token.meta["title"].replace("'", APOSTROPHE)
    if figure := token.meta.get("figure"):
        title = escape(figure.title)
        name = "figure" if figure.printed else "figure unprinted"
        return f'<figure class="{name}"><figcaption><strong>{title}</strong>\n'
    if kind not in CARDS:
        return ""
    word = CARDS[kind]
    html: str = escape(title)
    if not title.casefold().startswith(word.casefold()):
        html = f'<span class="card-kind">{word}</span> {html}'
    identifier, heading = token.meta["id"], f"h{token.meta['level']}"
    return (
        f'<section class="card card-{kind}" aria-labelledby="{identifier}">'
        f'<{heading} class="card-title" id="{identifier}">{html.strip()}</{heading}>\n'
    )


def _block_close(token: Token) -> str:
    if figure := token.meta.get("figure"):
        html = render_figure(figure, token.meta["id"], token.meta["citations"])
        return f"</figcaption>\n{html}</figure>\n"
    return "</section>\n" if token.meta["kind"] in CARDS else ""


def _table_open(token: Token) -> str:
    label, wide = escape(token.meta["label"]), ' class="wide"' if token.meta["wide"] else ""
    return (
        f'<div class="table-wrap" role="region" tabindex="0" aria-label="{label}"><table{wide}>\n'
    )


def _cell(token: Token) -> str:
    """Without markdown-it's style attribute, which the Content-Security-Policy forbids."""
    column = token.meta.get("column")
    return f'<td data-column="{escape(column)}">' if column else "<td>"


def _as_text(token: Token) -> str:
    return escape(token.content)


RULES: Mapping[str, Callable[[Token], str]] = {
    "citation": _citations,
    "placeholder": _placeholder,
    "container_block_open": _block_open,
    "container_block_close": _block_close,
    "table_open": _table_open,
    "table_close": lambda _token: "</table></div>\n",
    "th_open": lambda _token: '<th scope="col">',
    "td_open": _cell,
    "html_inline": _as_text,
    "html_block": _as_text,
}
