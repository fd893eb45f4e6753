"""``clinic/redirects.toml``: old addresses, each leading for good to a page that exists."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from flask import Flask, redirect
from werkzeug.wrappers import Response

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector
from app.pages.loader import Page

ONE_DAY = "public, max-age=86400"
OLD = re.compile(r"(/[\w.~-]+)+")  # trailing slashes are taken off everywhere


def load_redirects(file: Path, pages: Iterable[Page], other_paths: Iterable[str]) -> dict[str, str]:
    """New address by old path; no file: none.

    ``other_paths`` are answered by code. Raises ClinicError naming every fault
    by file and line. An old address is never a target, so that nobody is sent
    on twice or in circles.
    """
    if not file.exists():
        return {}
    faults = IssueCollector()
    text = toml_reader.read_text(file, faults) or ""
    table = toml_reader.parse(file, text, faults) or {}
    places: dict[str, frozenset[str]] = dict.fromkeys(other_paths, frozenset())
    places |= {page.path: frozenset(one.id for one in page.headings) for page in pages}
    for old, new in table.items():
        if reason := _old_fault(old, places) or _new_fault(new, table, places):
            faults.add(file, _line_of(text, old), f"{old}: {reason}")
    faults.raise_if_any()
    return table


def register_redirects(app: Flask, moved: Mapping[str, str]) -> None:
    """Answer each old path of ``moved`` with its new address, by 301."""
    for nth, (old, new) in enumerate(moved.items()):
        app.add_url_rule(old, f"old_address_{nth}", _redirect_to(new))


def _redirect_to(path: str) -> Callable[[], Response]:
    def view() -> Response:
        response = redirect(path, 301)
        response.headers["Cache-Control"] = ONE_DAY
        return response

    return view


def _old_fault(old: str, places: Mapping[str, frozenset[str]]) -> str:
    """Why ``old`` cannot be an old address; empty when it can."""
    if not OLD.fullmatch(old):
        return "write a path such as /old-page, without a slash at the end"
    return "is a page of today" if old in places else ""


def _new_fault(
    new: object, table: Mapping[str, object], places: Mapping[str, frozenset[str]]
) -> str:
    """Why ``new`` leads nowhere; empty when it leads to a page."""
    path, _, heading = str(new).partition("#")
    if path in table:
        return f"{path} is an old address, too: name the page that it leads to"
    if path not in places:
        return f"{new} is no page"
    return f"{path} has no heading #{heading}" if heading and heading not in places[path] else ""


def _line_of(text: str, old: str) -> int:
    found = re.search(rf"""^\s*["']?{re.escape(old)}["']?\s*=""", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
