"""Renders the tokens that Markdown itself does not have, as ``parser.py`` has filled them in."""

from collections.abc import Callable, Iterable, Mapping

from markdown_it.token import Token
from markupsafe import Markup, escape

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
OPENING = ("fact", "signposts")  # above the first heading
TITLED = (*CARDS, "fact")
# Facts of clinic.toml; a block is left out if its fact is not filled in.
LISTS = ("prices", "booking", "team")
BLOCKS = frozenset((*CARDS, *OPENING, *LISTS, "timeline", "figure"))
REFERENCES_PATH = "/references"  # the numbered list of all sources


def _citations(token: Token) -> Markup:
    return _citation_links(token.meta["citations"])


def _citation_links(citations: Iterable[tuple[int, bool]]) -> Markup:
    """Links to the references with these numbers. A first citation has an id to link back to."""
    links = [
        Markup('<a href="{0}#ref-{1}"{2} aria-label="Reference {1}">{1}</a>').format(
            REFERENCES_PATH, number, Markup(' id="cite-{}"').format(number) if is_first else ""
        )
        for number, is_first in citations
    ]
    html = Markup("<sup>{}</sup>").format(Markup(", ").join(links))
    return html if links else Markup()


def _placeholder(token: Token) -> str:
    text, url, note = (escape(token.meta[name]) for name in ("text", "url", "note"))
    if token.meta["in_link"] or not url:
        return text + note
    return f'<a href="{url}">{text}</a>{note}'


def _block_open(token: Token) -> str:
    kind, title = token.meta["kind"], token.meta["title"].replace("'", APOSTROPHE)
    if figure := token.meta.get("figure"):
        title = escape(figure.title)
        name = "figure" if figure.printed else "figure no-print"
        return f'<figure class="{name}"><figcaption><strong>{title}</strong>\n'
    if kind == "fact":
        return f"<li><strong>{escape(title)}</strong>\n"
    if kind in OPENING:
        return f'<div class="{kind}">\n'
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
        links = map(_citation_links, token.meta["citations"])
        html = render_figure(figure, token.meta["title"], links)
        return f"</figcaption>\n{html}</figure>\n"
    kind = token.meta["kind"]
    if kind in LISTS:
        return str(token.meta["html"])
    if kind in OPENING:
        return "</li>\n" if kind == "fact" else "</div>\n"
    return f"{token.meta.get('calls', '')}</section>\n" if kind in CARDS else ""


def _table_open(token: Token) -> str:
    label = escape(token.meta["label"])
    return f'<div class="table-wrap" role="region" tabindex="0" aria-label="{label}"><table>\n'


def _cell(token: Token) -> str:
    """A table cell without the style attribute, which the Content-Security-Policy forbids."""
    column = token.meta.get("column")
    return f'<td data-column="{escape(column)}">' if column else "<td>"


def _as_text(token: Token) -> str:
    return escape(token.content)


RULES: Mapping[str, Callable[[Token], str]] = {
    "citation": _citations,
    "placeholder": _placeholder,
    "container_block_open": _block_open,
    "container_block_close": _block_close,
    "cards_open": lambda _token: '<div class="cards">\n',
    "cards_close": lambda _token: "</div>\n",
    "table_open": _table_open,
    "table_close": lambda _token: "</table></div>\n",
    "th_open": lambda _token: '<th scope="col">',
    "td_open": _cell,
    "html_inline": _as_text,
    "html_block": _as_text,
}
