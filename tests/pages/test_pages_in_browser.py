"""The pages in a real browser. The ``page`` fixture fails on errors and external requests."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.pages import ALL_PAGES

OpenPage = Callable[..., Page]


def test_every_page_has_its_heading_and_styles(page: Page) -> None:
    for path in ALL_PAGES:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        # If the policy blocked a style sheet, the font would have the browser's default size.
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") > 16, path


def test_citation_links_to_its_reference_and_back(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto("/")
    page.locator("sup.cite a").nth(2).click()
    expect(page).to_have_url(re.compile(r"#ref-\d+$"))
    number = page.url.rpartition("-")[2]
    source = page.locator(f"#ref-{number}")
    expect(source).to_be_in_viewport()
    source.locator(f'a[href="#cite-{number}"]').click()
    expect(page.locator(f"#cite-{number}")).to_be_in_viewport()


def test_table_of_contents_links_to_every_section(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto("/")
    links = page.locator("nav.contents a")
    assert links.count() >= 11
    for link in links.all():
        link.click()
        expect(page.locator(link.get_attribute("href") or "no target")).to_be_in_viewport()


@pytest.mark.parametrize("supported", [True, False], ids=["by-the-browser", "by-script"])
def test_table_of_contents_marks_the_current_section(open_page: OpenPage, supported: bool) -> None:  # noqa: FBT001
    page = open_page(reduced_motion="reduce")
    if not supported:
        page.add_init_script("CSS.supports = () => false")
    page.goto("/")
    accent = page.evaluate("getComputedStyle(document.querySelector('.sun')).fill")
    for name in ("Clinical uses", "Side effects", "History of ketamine infusion"):
        page.get_by_role("heading", level=2, name=name).evaluate("one => one.scrollIntoView()")
        link = page.locator("nav.contents").get_by_role("link", name=name)
        expect(link).to_have_css("border-left-color", accent)
        assert link.get_attribute("aria-current") == (None if supported else "true")
    marked = page.locator("nav.contents a").evaluate_all(
        "(all, accent) => all.filter(one => getComputedStyle(one).borderLeftColor === accent)"
        ".map(one => one.textContent)",
        accent,
    )
    assert marked == ["History of ketamine infusion"]


def test_every_page_works_without_javascript(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    for path in ALL_PAGES:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
