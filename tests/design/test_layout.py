"""Page layout on a small phone, at high zoom, by keyboard and on paper."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.pages import ALL_PAGES

ENLARGED = {"width": 320, "height": 256}  # 1280 by 1024 at 400 %
SMALL_BUTTONS = """() => [
    ...document.querySelectorAll('.button, .call a, .directions a, .site-header a')]
    .filter(button => button.checkVisibility() && button.getBoundingClientRect().height < 44)
    .map(button => button.textContent)"""
SMALL_TARGETS = """() => [
    ...document.querySelectorAll('nav a, .plain a, .cited a, input, summary')
  ].filter(target => target.checkVisibility() && !target.closest('.honeypot'))
    .map(target => [target.getBoundingClientRect(), target.id || target.textContent])
    .filter(([box]) => box.height && (box.height < 24 || box.width < 24))
    .map(([, name]) => name)"""


def test_touch_targets_are_big_enough(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=ENLARGED)
    for path in ALL_PAGES:
        page.goto(path)

        assert page.evaluate(SMALL_BUTTONS) == [], path
        assert page.evaluate(SMALL_TARGETS) == [], path


def test_first_tab_stop_is_the_skip_link(page: Page) -> None:
    page.goto("/first-visit")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    box = skip.bounding_box()
    page.keyboard.press("Enter")

    assert box
    assert box["width"] > 100
    assert page.evaluate("document.activeElement.id") == "main"


def test_smooth_scrolling_is_off_with_reduced_motion(open_page: Callable[..., Page]) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto("/first-visit")

    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_table_of_contents_stays_visible_on_a_wide_screen(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.goto("/questions")
    page.mouse.wheel(0, 3000)
    page.wait_for_function("scrollY > 2000")
    box = page.get_by_role("navigation", name="On this page").bounding_box()

    assert box
    assert 0 <= box["y"] < 900


def test_paper_has_no_navigation_and_says_where_links_lead(page: Page) -> None:
    page.goto("/costs")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_have_count(0)
    link = page.get_by_role("link", name="cms.gov/nosurprises")
    address = link.evaluate("one => getComputedStyle(one, '::after').content")
    assert "https://www.cms.gov/nosurprises/consumers" in address


def test_pages_to_take_home_print_on_one_sheet(page: Page) -> None:
    for path in ("/after-your-infusion", "/taking-someone-home"):
        page.goto(path)
        for paper in ("A4", "Letter"):
            assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))) == 1, path
