"""Tables of many columns, which a phone shows row by row."""

from collections.abc import Iterable

from markdown_it.token import Token

from app.pages.figures.base import is_wide
from app.pages.resolver import plain_text


def label_cells(tokens: Iterable[Token]) -> None:
    """Tell each cell of a wide table, in place, the name of its column; not those of the first
    column, which say what the row is about.
    """
    table, names, column, heading = Token("", "", 0), list[str](), 0, False
    for token in tokens:
        if token.type == "table_open":
            table, names = token, []
        elif token.type in ("th_open", "th_close"):
            heading = token.type == "th_open"
        elif token.type == "inline" and heading:
            names.append(plain_text(token))
        elif token.type == "thead_close":
            table.meta["wide"] = is_wide(len(names))
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            if column and table.meta["wide"]:
                token.meta["column"] = names[column]
            column += 1
