"""The clinic's SVG files: the logo, and the drawing on the front page.

They are shown as images, in which browsers run no script and load nothing. But whoever opens such
a file by its address would run it, so scripts and references to other files are refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector

ROOT_TAG = re.compile(r"<svg\b[^>]*>")
SCRIPTED = ("script", "foreignObject", "iframe", "handler")
OUTSIDE_URL = re.compile(r"@import|url\(\s*['\"]?(?!#)", re.IGNORECASE)
INSIDE = ("#", "data:image/png", "data:image/jpeg", "data:image/webp")


def read_svg(file: Path, issues: IssueCollector) -> str:
    """The text of ``file``. What is wrong with it is added to ``issues``, by line."""
    if not file.exists():
        issues.add(file, 0, "missing; put your logo there, as an SVG file")
        return ""
    text = toml_reader.read_text(file, issues) or ""
    for line, reason in svg_issues(text) if text else ():
        issues.add(file, line, reason)
    return text


def with_style(svg: str, css: str) -> str:
    """``svg`` with a style sheet at its start."""
    return ROOT_TAG.sub(lambda tag: f"{tag[0]}<style>{css}</style>", svg, count=1)


def svg_issues(text: str) -> list[tuple[int, str]]:
    """What is wrong with an SVG file, by line (from 1)."""
    issues: list[tuple[int, str]] = []
    parser = expat.ParserCreate()
    tags: list[str] = []

    def add(reason: str) -> None:
        issues.append((parser.CurrentLineNumber, reason))

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not tags and tag != "svg":
            add(f"<{tag}> is not an SVG drawing: save it as plain SVG")
        tags.append(tag)
        for reason in _element_issues(tag, attributes):
            add(reason)

    def text_of_style(content: str) -> None:
        if tags[-1] == "style" and OUTSIDE_URL.search(content):
            add("the style refers to another file: put everything into this file")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _tag: tags.pop()
    parser.CharacterDataHandler = text_of_style
    parser.StartDoctypeDeclHandler = lambda *_: add("<!DOCTYPE>: remove it")
    parser.ProcessingInstructionHandler = lambda name, _: add(f"<?{name}?>: remove it")
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        issues.append((error.lineno, f"is not valid XML: {expat.ErrorString(error.code)}"))
    return issues


def _element_issues(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    if tag.rpartition(":")[2] in SCRIPTED:
        yield f"<{tag}>: a drawing must not contain scripts or HTML; remove it"
    for name, value in attributes.items():
        if name.lower().startswith("on"):
            yield f"{name}: a drawing must not contain scripts; remove it"
        elif name.rpartition(":")[2] in {"href", "src"} and not value.startswith(INSIDE):
            yield f"{name}={value[:60]}: refers to another file; put everything into this file"
        elif OUTSIDE_URL.search(value):
            yield f"{name}: refers to another file; put everything into this file"
