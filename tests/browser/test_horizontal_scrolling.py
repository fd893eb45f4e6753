"""No horizontal scrolling on the smallest phone, at high zoom or with large text."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.pages import ALL_PAGES

PHONE = {"viewport": {"width": 320, "height": 640}}
ENLARGED = {"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4}
TABLET = {"viewport": {"width": 640, "height": 640}}
LARGE_TEXT = "document.documentElement.style.fontSize = '200%'"
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
# Elements that extend beyond the window.
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter(one => one.checkVisibility() && !one.closest(
    ".visually-hidden, .skip-link, .honeypot, .crisis-bar span span, .phone span, #map-box, pre, "
    + ".table-wrap"))
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 120))"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(
    ("screen", "change"),
    [(PHONE, ""), (ENLARGED, ""), (TABLET, LARGE_TEXT)],
    ids=["320 px", "400 % zoom", "200 % text"],
)
def test_everything_fits_the_width(
    open_page: Callable[..., Page], screen: dict[str, Any], change: str
) -> None:
    page = open_page(**screen)
    for path in ALL_PAGES:
        page.goto(path)
        page.evaluate(f"{OPEN_ALL}; {change}")
        assert page.evaluate(TOO_WIDE) == 0, path
        assert page.evaluate(OVERFLOWING) == [], path
