"""``clinic/redirects.toml``: permanent redirects from old URLs to existing pages."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from flask import Flask, redirect
from werkzeug.wrappers import Response

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector, line_of
from app.pages.loader import Page
from app.pages.validation import APPLICATION_PATHS
from app.web.page_cache import ONE_DAY

OLD_PATH = re.compile(r"(/[\w.~-]+)+")  # trailing slashes are removed from every URL


def load_redirects(file: Path, pages: Iterable[Page]) -> dict[str, str]:
    """New URL by old path; empty without the file.

    An old path cannot be a target, so that no visitor is redirected twice or in circles.
    Raises ClinicError with every issue by line.
    """
    if not file.exists():
        return {}
    issues = IssueCollector()
    text = toml_reader.read_text(file, issues) or ""
    redirects = toml_reader.parse(file, text, issues) or {}
    ids: dict[str, set[str]] = {path: set() for path in APPLICATION_PATHS}
    ids |= {page.path: {heading.id for heading in page.headings} for page in pages}
    for old, new in redirects.items():
        if reason := _issue(old, str(new), redirects, ids):
            issues.add(file, line_of(text, (f'"{old}"',)), f"{old}: {reason}")
    issues.raise_if_any()
    return redirects


def register_redirects(app: Flask, redirects: Mapping[str, str]) -> None:
    """Answer each old path with a permanent redirect (301)."""
    for number, (old, new) in enumerate(redirects.items()):
        app.add_url_rule(old, f"redirect_{number}", _redirect, defaults={"target": new})


def _redirect(target: str) -> Response:
    response = redirect(target, 301)
    response.headers["Cache-Control"] = ONE_DAY
    return response


def _issue(old: str, new: str, redirects: Mapping[str, object], ids: Mapping[str, set[str]]) -> str:
    """Why this redirect is invalid; empty if it is valid."""
    path, _, heading = new.partition("#")
    if not OLD_PATH.fullmatch(old):
        return "write a path such as /old-page, without a slash at the end"
    if old in ids:
        return "is an existing page"
    if path in redirects:
        return f"{path} is redirected itself: name the page that it leads to"
    if path not in ids:
        return f"{new} is not a page"
    return f"{path} has no heading #{heading}" if heading and heading not in ids[path] else ""
