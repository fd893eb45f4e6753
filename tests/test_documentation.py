"""The documents are up to date with the code, and their links work."""

import re
import tomllib
from pathlib import Path

import pytest

from config import ROOT
from docs import generate

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob(".github/**/*.md")]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
DOCUMENT_NAME = re.compile(r"\bdocs/[\w/.-]+\.md\b")
REQUIREMENT = re.compile(r"[\w.-]+")
SOURCES = [
    *(ROOT / name for name in ("Makefile", ".env.example", "config.py", "gunicorn.conf.py")),
    *(
        file
        for folder in ("app", "bench", "clinic", "deploy", "templates")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".toml", ".yaml", ".yml", ".conf", ".html", ".md", ".service"}
    ),
]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of ``document``."""
    text = CODE_BLOCK.sub("", document.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_relative_links_lead_to_a_file_and_a_heading(document: Path) -> None:
    text = CODE_BLOCK.sub("", document.read_text(encoding="utf-8"))
    dead = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_a_dead_link_would_be_found() -> None:
    assert LINK.findall("[a](b.md#c) ![d](e.png)") == ["b.md#c", "e.png"]
    assert "3-settings" in anchors(ROOT / "docs" / "deploy.md")


def test_documents_named_in_code_exist() -> None:
    named = {
        (short(file), name)
        for file in SOURCES
        for name in DOCUMENT_NAME.findall(file.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert not [(file, name) for file, name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("name", generate.PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == generate.PAGES[name](), "Run: make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_document_is_in_the_index(document: Path) -> None:
    """docs/README.md lists the documents, docs/decisions/README.md the decisions."""
    index = document.parent / "README.md"
    if not document.is_relative_to(ROOT / "docs") or document == index:
        return
    assert f"({document.name})" in index.read_text(encoding="utf-8")


def test_each_dependency_is_pinned() -> None:
    """``make lock`` has been run since pyproject.toml was changed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    for file, requirements in {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-ses.txt": groups["ses"],
        "requirements-dev.txt": groups["dev"],
        "requirements-test.txt": groups["test"],
    }.items():
        pins = (ROOT / file).read_text(encoding="ascii")
        pinned = set(re.findall(r"^([\w.-]+)(?:\[.+?\])?==", pins, re.MULTILINE))
        wanted = {match[0] for line in requirements if (match := REQUIREMENT.match(line))}
        assert wanted - pinned == set(), file
