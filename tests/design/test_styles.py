"""Styles and templates stay small and work with the strict Content-Security-Policy."""

import re
from pathlib import Path

import brotli
import pytest
import rcssmin

from app.pages.svg_files import svg_issues
from app.web.static_files import INLINE_STYLE_SHEETS, LATE_STYLE_SHEETS

ROOT = Path(__file__).parents[2]
FONTS = sorted((ROOT / "static" / "fonts").glob("*.woff2"))
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


def test_compressed_inline_styles_are_at_most_3000_bytes() -> None:
    """3,000 of the 14,600 bytes of the first round trip."""
    css = "".join(map(minified, INLINE_STYLE_SHEETS)).encode()

    assert len(brotli.compress(css, quality=11)) <= 3000


@pytest.mark.parametrize("sheet", [*INLINE_STYLE_SHEETS, *LATE_STYLE_SHEETS])
def test_style_sheet_loads_nothing_but_our_fonts(sheet: str) -> None:
    own = re.sub(r"url\(\.\./fonts/[\w.-]+\)", "", minified(sheet))
    assert not re.search(r"url\(|@import|data:", own)


def test_minifying_keeps_the_selectors_of_container_queries() -> None:
    """The minifier removes the space before ``:`` there, because it does not know it."""
    for sheet in (*INLINE_STYLE_SHEETS, *LATE_STYLE_SHEETS):
        css = (ROOT / f"static/css/{sheet}.css").read_text(encoding="utf-8")
        for block in re.findall(r"@container.*?^}", css, re.DOTALL | re.MULTILINE):
            assert not re.search(r"[\w)] :[a-z]", block)


@pytest.mark.parametrize("font", FONTS, ids=lambda font: font.stem)
def test_font_is_small_and_has_its_license(font: Path) -> None:
    assert font.stat().st_size <= 16_000
    assert "SIL Open Font License" in font.with_suffix(".LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_has_nothing_that_the_csp_blocks(template: str) -> None:
    source = (ROOT / "templates" / template).read_text(encoding="utf-8")

    assert not FORBIDDEN.findall(source)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">\n{}\n</svg>'


@pytest.mark.parametrize(
    ("drawing", "line", "reason"),
    [
        (SVG.format("<script>alert(1)</script>"), 2, "<script>: a drawing must not contain"),
        (SVG.format('<g onclick="x()"/>'), 2, "onclick: a drawing must not contain scripts"),
        (SVG.format("<foreignObject/>"), 2, "<foreignObject>"),
        (SVG.format('<image href="https://x.example/y.png"/>'), 2, "refers to another file"),
        (SVG.format('<a xlink:href="javascript:x()"/>'), 2, "refers to another file"),
        (SVG.format('<path fill="url(https://x.example/#a)"/>'), 2, "refers to another file"),
        (SVG.format("<style>@import 'x.css';</style>"), 2, "the style refers to another file"),
        (SVG.format("<style>a{fill:url(x)}</style>"), 2, "the style refers to another file"),
        (f"<?xml-stylesheet href='x.css'?>\n{SVG.format('')}", 1, "<?xml-stylesheet?>: remove it"),
        (f"<!DOCTYPE svg>\n{SVG.format('')}", 1, "<!DOCTYPE>: remove it"),
        ("<html></html>", 1, "<html> is not an SVG drawing"),
        (SVG.format("<g>"), 3, "is not valid XML"),
    ],
)
def test_a_drawing_with_a_script_or_an_outside_reference_is_refused(
    drawing: str, line: int, reason: str
) -> None:
    (found_line, found), *_ = svg_issues(drawing)
    assert (found_line, reason in found) == (line, True), found


def test_a_drawing_may_refer_to_itself_and_contain_a_picture() -> None:
    inside = '<use href="#a"/><path fill="url(#b)"/><image href="data:image/png;base64,AA=="/>'
    assert svg_issues(SVG.format(inside)) == []
    for name in ("logo.svg", "illustration.svg"):
        assert svg_issues((ROOT / "clinic" / name).read_text(encoding="utf-8")) == []
