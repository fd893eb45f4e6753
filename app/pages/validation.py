"""Checks that need all pages: file names, links, headings, references."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.clinic.errors import IssueCollector
from app.pages.front_matter import SourceFile
from app.pages.references import Source
from app.pages.resolver import ParseResult

# The pages of other packages, with the labels of their links in the header.
OTHER_PAGES = {"/location": "Location", "/contact": "Contact"}
# Ids of the sections that the front page's template adds after the article.
HOME_SECTIONS = frozenset(("location-map", "contact-us-today"))
HOME = "index"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EXTERNAL_SCHEMES = ("https", "http", "mailto", "tel", "sms")
TEMPLATE_IDS = frozenset(("main", "references"))  # on every page


@dataclass(frozen=True)
class ParsedPage:
    """A page's file and what was parsed from it."""

    source: SourceFile
    result: ParseResult

    @property
    def path(self) -> str:
        return url_path(self.source.file)


def url_path(file: Path) -> str:
    """The URL path of the page in ``file``: ``/`` for ``index.md``."""
    return "/" if file.stem == HOME else f"/{file.stem}"


def validate_pages(
    pages: Iterable[ParsedPage],
    files: Iterable[Path],
    sources: Mapping[str, Source],
    issues: IssueCollector,
) -> None:
    """Add everything that is wrong with ``pages``, parsed from ``files``, to ``issues``."""
    for file in files:
        if not NAME.fullmatch(file.stem):
            issues.add(file, 1, "the file name must be lowercase words joined by dashes")
        if (path := url_path(file)) in OTHER_PAGES:
            issues.add(file, 1, f"{path} is already a page of the application")
    ids = {url_path(file): TEMPLATE_IDS for file in files}
    ids |= {page.path: TEMPLATE_IDS.union(page.result.ids) for page in pages}
    ids["/"] = ids.get("/", TEMPLATE_IDS) | HOME_SECTIONS
    for page in pages:
        for line, reason in page.result.issues:
            issues.add(page.source.file, page.source.first_line + line, reason)
        _check_references(page, sources, issues)
        for line, target in page.result.links:
            if reason := _link_issue(target, page.path, ids):
                place = page.source.first_line + line
                issues.add(page.source.file, place, f"broken link {target}: {reason}")


def _check_references(
    page: ParsedPage, sources: Mapping[str, Source], issues: IssueCollector
) -> None:
    source, citation_lines = page.source, page.result.citation_lines
    listed = source.front_matter.references
    for key, line in citation_lines.items():
        if key not in listed:
            reason = f"{key} is cited but not listed under references"
            issues.add(source.file, source.first_line + line, reason)
    for key in listed:
        line = source.line_of_reference(key)
        if key not in citation_lines:
            issues.add(source.file, line, f"{key} is listed under references but not cited")
        if key not in sources:
            issues.add(source.file, line, f"{key} is not in references.toml")


def _link_issue(target: str, current_path: str, ids: Mapping[str, frozenset[str]]) -> str:
    """Why ``target``, a link on the page ``current_path``, is broken; empty if it works."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in EXTERNAL_SCHEMES else "must start with https://, / or #"
    path, fragment = parts.path or current_path, unquote(parts.fragment)
    if path in OTHER_PAGES:
        return ""
    if path not in ids:
        return "no such page"
    return "no such heading" if fragment and fragment not in ids[path] else ""
