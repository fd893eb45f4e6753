"""Checks that need all pages: file names, links, headings, references."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.clinic.errors import IssueCollector
from app.pages.front_matter import PageFile
from app.pages.parser import ParseResult
from app.pages.references import Source
from app.pages.render_rules import REFERENCES_PATH

# The pages of other packages, with the labels of their links in the header.
OTHER_PAGES = {"/location": "Location", "/contact": "Contact"}
APPLICATION_PATHS = (*OTHER_PAGES, REFERENCES_PATH)
# Ids of the sections that the front page's template adds after the article.
HOME_SECTIONS = frozenset(("location-map", "contact-us-today"))
HOME = "index"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EXTERNAL_SCHEMES = ("https", "http", "mailto", "tel", "sms")
TEMPLATE_IDS = frozenset(("main",))  # on every page


@dataclass(frozen=True)
class ParsedPage:
    """A page's file and what was parsed from it."""

    file: PageFile
    result: ParseResult

    @property
    def path(self) -> str:
        return url_path(self.file.path)

    def line(self, number: int) -> int:
        """Convert a line number of the Markdown, from 0, to one of the file, from 1."""
        return self.file.first_line + number


def url_path(path: Path) -> str:
    """The URL path of the page in the file ``path``: ``/`` for ``index.md``."""
    return "/" if path.stem == HOME else f"/{path.stem}"


def validate_pages(
    pages: Iterable[ParsedPage],
    paths: Iterable[Path],
    sources: Mapping[str, Source],
    issues: IssueCollector,
) -> None:
    """Add everything that is wrong with ``pages``, parsed from the files ``paths``."""
    for path in paths:
        if not NAME.fullmatch(path.stem):
            issues.add(path, 1, "the file name must be lowercase words joined by dashes")
        if url_path(path) in APPLICATION_PATHS:
            issues.add(path, 1, f"{url_path(path)} is already a page of the application")
    ids = {url_path(path): TEMPLATE_IDS for path in paths}
    ids |= {page.path: TEMPLATE_IDS.union(page.result.ids) for page in pages}
    ids["/"] = ids.get("/", TEMPLATE_IDS) | HOME_SECTIONS
    for page in pages:
        for line, reason in page.result.issues:
            issues.add(page.file.path, page.line(line), reason)
        _check_references(page, sources, issues)
        for line, target in page.result.links:
            if reason := _link_issue(target, page.path, ids):
                issues.add(page.file.path, page.line(line), f"broken link {target}: {reason}")


def _check_references(
    page: ParsedPage, sources: Mapping[str, Source], issues: IssueCollector
) -> None:
    for key, line in page.result.citation_lines.items():
        if key not in sources:
            reason = f"{key} is cited but not in references.toml"
            issues.add(page.file.path, page.line(line), reason)


def _link_issue(target: str, current_path: str, ids: Mapping[str, frozenset[str]]) -> str:
    """Why ``target``, a link on the page ``current_path``, is broken; empty if it works."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in EXTERNAL_SCHEMES else "must start with https://, / or #"
    path, fragment = parts.path or current_path, unquote(parts.fragment)
    if path in APPLICATION_PATHS:
        return ""
    if path not in ids:
        return "no such page"
    return "no such heading" if fragment and fragment not in ids[path] else ""
