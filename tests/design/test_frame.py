"""What every page carries stays small, and asks nothing of the strict CSP."""

import re
from pathlib import Path

import brotli
import pytest
import rcssmin

ROOT = Path(__file__).parents[2]
SHEETS = ("tokens", "base", "layout", "components")
TEMPLATES = sorted(
    path.relative_to(ROOT / "templates").as_posix()
    for path in (ROOT / "templates").rglob("*.*ml")
    if path.parent.name != "email"  # mail programs know no style sheets
)
FORBIDDEN = re.compile(
    r"""\sstyle\s*=|\son[a-z]+\s*=\s*["']|<script(?![^>]*\bsrc=)|<style|javascript:|data:""",
    re.IGNORECASE,
)


def minified(sheet: str) -> str:
    css: str = rcssmin.cssmin((ROOT / f"static/css/{sheet}.css").read_text(encoding="utf-8"))
    return css


def test_the_style_leaves_room_for_the_words() -> None:
    """3,200 of the 14,600 bytes that a first flight carries."""
    css = "".join(map(minified, SHEETS)).encode()

    assert len(brotli.compress(css, quality=11)) <= 3200


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_style_sheet_fetches_nothing(sheet: str) -> None:
    assert not re.search(r"url\(|@import|data:", minified(sheet))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_holds_nothing_the_csp_refuses(template: str) -> None:
    source = (ROOT / "templates" / template).read_text(encoding="utf-8")

    assert not FORBIDDEN.findall(source)


def test_the_mark_is_a_picture_and_nothing_more() -> None:
    mark = (ROOT / "clinic" / "logo.svg").read_text(encoding="utf-8")

    assert not FORBIDDEN.findall(mark)
    assert not re.search(r"href|url\(", mark)
