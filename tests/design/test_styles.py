"""Styles and templates stay small and work with the strict Content-Security-Policy."""

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
    if path.parent.name != "email"  # email clients ignore style sheets
)
FORBIDDEN = re.compile(
    r"""\sstyle\s*=|\son[a-z]+\s*=\s*["']|<script(?![^>]*\bsrc=)|<style|javascript:|data:""",
    re.IGNORECASE,
)


def minified(sheet: str) -> str:
    css: str = rcssmin.cssmin((ROOT / f"static/css/{sheet}.css").read_text(encoding="utf-8"))
    return css


def test_compressed_styles_are_at_most_3200_bytes() -> None:
    """3,200 of the 14,600 bytes of the first round trip."""
    css = "".join(map(minified, SHEETS)).encode()

    assert len(brotli.compress(css, quality=11)) <= 3200


@pytest.mark.parametrize("sheet", SHEETS)
def test_style_sheet_loads_nothing(sheet: str) -> None:
    assert not re.search(r"url\(|@import|data:", minified(sheet))


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_has_nothing_that_the_csp_blocks(template: str) -> None:
    source = (ROOT / "templates" / template).read_text(encoding="utf-8")

    assert not FORBIDDEN.findall(source)


def test_logo_contains_no_script_or_link() -> None:
    logo = (ROOT / "clinic" / "logo.svg").read_text(encoding="utf-8")

    assert not FORBIDDEN.findall(logo)
    assert not re.search(r"href|url\(", logo)
