"""No violations found by axe-core: WCAG 2.2 A, AA, AAA and its best practices.

One tab visits all pages at each width. Rules about colors take most of the time. They run at one
width, because colors do not depend on it, and in dark mode on pages that together have every
component. tests/design/test_colors.py checks the contrast of all colors.
"""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.support.pages import ALL_PAGES

TAGS = ("wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# axe runs these only on request.
STRICT = ("color-contrast-enhanced", "identical-links-same-purpose", "meta-refresh-no-exceptions",
          "target-size")  # fmt: skip
COLORS = ("color-contrast", "color-contrast-enhanced", "link-in-text-block")
EVERYTHING = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {name: {"enabled": True} for name in STRICT},
    "resultTypes": ["violations"],
}
ALL_BUT_COLORS = {
    **EVERYTHING,
    "rules": {name: {"enabled": name not in COLORS} for name in (*STRICT, *COLORS)},
}
DARK_PAGES = ("/", "/evidence", "/location", "/contact", "/api/", "/no-such-page")
ONLY_COLORS = {"runOnly": {"type": "rule", "values": COLORS}, "resultTypes": ["violations"]}
RUN = """async options => (await axe.run(document, options)).violations.flatMap(violation =>
  violation.nodes.map(node => `${violation.id}: ${node.target.join(" ")} ${node.html}`))"""


def violations(page: Page, options: dict[str, Any]) -> list[str]:
    """The violations on the current page, each with its element."""
    found = page.evaluate(RUN, options)
    assert isinstance(found, list)
    return found


def visit(page: Page, path: str) -> None:
    """Open ``path``, on the location page with the interactive map."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(path)
    if path == "/location":
        page.locator("#map-box").scroll_into_view_if_needed()
        page.locator("#map-box .leaflet-container, #map-box.leaflet-container").first.wait_for()
    page.evaluate(AXE_SCRIPT)


@pytest.mark.parametrize(("width", "options"), [(320, EVERYTHING), (1280, ALL_BUT_COLORS)])
def test_axe_finds_no_violations(
    open_page: Callable[..., Page], width: int, options: dict[str, Any]
) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    found = []
    for path in ALL_PAGES:
        visit(page, path)
        found += [f"{path} light: {violation}" for violation in violations(page, options)]
        if options is EVERYTHING and path in DARK_PAGES:
            page.emulate_media(color_scheme="dark")
            found += [f"{path} dark: {violation}" for violation in violations(page, ONLY_COLORS)]
    assert not found, "\n".join(found)


def test_axe_detects_violations(page: Page) -> None:
    visit(page, "/privacy")
    page.evaluate("""() => {
      const text = document.querySelector("main p");
      text.style.color = "#666"; text.style.background = "#fff";
      document.querySelector("main h1").outerHTML = "<img src='/favicon.svg'>";
    }""")
    text = " ".join(violations(page, EVERYTHING))
    assert "image-alt" in text
    assert "color-contrast-enhanced" in text
