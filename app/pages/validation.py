"""What can only be checked with all pages side by side: addresses, links, references."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.clinic.errors import IssueCollector
from app.pages.front_matter import SourceFile
from app.pages.parser import Document
from app.pages.references import Source

HOME = "index"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OUTSIDE = ("https", "http", "mailto", "tel", "sms")
PAGE_IDS = frozenset(("main", "references"))  # what the template of every page adds


@dataclass(frozen=True)
class ParsedPage:
    """A page as written beside what parsing made of it."""

    source: SourceFile
    document: Document

    @property
    def path(self) -> str:
        return url_path(self.source.file)


@dataclass(frozen=True)
class BuiltInTargets:
    """What code adds around the pages: other addresses, and ids on the front page."""

    other_paths: frozenset[str]
    home_ids: frozenset[str]


def url_path(file: Path) -> str:
    """Where the page in ``file`` is found: ``index.md`` is ``/``."""
    return "/" if file.stem == HOME else f"/{file.stem}"


def validate_pages(
    drafts: Iterable[ParsedPage],
    files: Iterable[Path],
    sources: Mapping[str, Source],
    frame: BuiltInTargets,
    faults: IssueCollector,
) -> None:
    """Add to ``faults`` whatever is wrong with ``drafts``, read from ``files``."""
    for file in files:
        _check_name(file, frame, faults)
    ids = {url_path(file): PAGE_IDS for file in files}
    ids |= {draft.path: PAGE_IDS.union(draft.document.found.ids) for draft in drafts}
    ids["/"] = ids.get("/", PAGE_IDS) | frame.home_ids
    for draft in drafts:
        _check_document(draft, faults)
        _check_references(draft, sources, faults)
        _check_links(draft, ids, frame.other_paths, faults)


def _check_name(file: Path, frame: BuiltInTargets, faults: IssueCollector) -> None:
    if not NAME.fullmatch(file.stem):
        faults.add(file, 1, "the file name must be lower-case words with dashes")
    if url_path(file) in frame.other_paths:
        faults.add(file, 1, f"{url_path(file)} is taken: that page is made by code")


def _check_document(draft: ParsedPage, faults: IssueCollector) -> None:
    for line, reason in draft.document.found.faults:
        faults.add(draft.source.file, draft.source.first_line + line, reason)


def _check_references(
    draft: ParsedPage, sources: Mapping[str, Source], faults: IssueCollector
) -> None:
    source, cited = draft.source, draft.document.found.cited_at
    listed = source.head.references
    for key, line in cited.items():
        if key not in listed:
            reason = f"{key} is cited but not listed under references"
            faults.add(source.file, source.first_line + line, reason)
    for key in listed:
        line = source.line_of("references", key)
        if key not in cited:
            faults.add(source.file, line, f"{key} is listed under references but not cited")
        if key not in sources:
            faults.add(source.file, line, f"{key} is not in references.toml")


def _check_links(
    draft: ParsedPage,
    ids: Mapping[str, frozenset[str]],
    other_paths: frozenset[str],
    faults: IssueCollector,
) -> None:
    for line, target in draft.document.found.links:
        if reason := _broken(target, draft.path, ids, other_paths):
            where = draft.source.first_line + line
            faults.add(draft.source.file, where, f"dead link {target}: {reason}")


def _broken(
    target: str, here: str, ids: Mapping[str, frozenset[str]], other_paths: frozenset[str]
) -> str:
    """Why ``target``, found on the page ``here``, leads nowhere; empty when it leads somewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in OUTSIDE else f"write https://, / or # instead of {target}"
    path, fragment = parts.path or here, unquote(parts.fragment)
    if path in other_paths:
        return ""
    if path not in ids:
        return "no such page"
    return "no such heading" if fragment and fragment not in ids[path] else ""
