"""The pages in a real browser. The ``page`` fixture fails on errors and external requests."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.pages import ALL_PAGES

OpenPage = Callable[..., Page]
CONTENTS = ".columns > .contents"  # beside the article


def test_every_page_has_its_heading_and_styles(page: Page) -> None:
    for path in ALL_PAGES:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        # If the policy blocked a style sheet, the font would have the browser's default size.
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") > 16, path


def test_citation_links_to_its_reference_and_back(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto("/")
    page.locator("sup a").nth(2).click()
    expect(page).to_have_url(re.compile(r"/references#ref-\d+$"))
    number = page.url.rpartition("-")[2]
    source = page.locator(f"#ref-{number}")
    expect(source).to_be_in_viewport()
    source.locator(f'a[href="/#cite-{number}"]').click()
    expect(page.locator(f"#cite-{number}")).to_be_in_viewport()


def test_table_of_contents_links_to_every_section(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto("/")
    links = page.locator(CONTENTS).locator("a")
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
    accent = page.evaluate("getComputedStyle(document.querySelector('.facts li')).borderTopColor")
    for name in ("Clinical uses", "Side effects", "History of ketamine infusion"):
        page.get_by_role("heading", level=2, name=name).evaluate("one => one.scrollIntoView()")
        link = page.locator(CONTENTS).get_by_role("link", name=name)
        expect(link).to_have_css("border-left-color", accent)
        assert link.get_attribute("aria-current") == (None if supported else "true")
    marked = (
        page.locator(CONTENTS)
        .locator("a")
        .evaluate_all(
            "(all, accent) => all.filter(one => getComputedStyle(one).borderLeftColor === accent)"
            ".map(one => one.textContent)",
            accent,
        )
    )
    assert marked == ["History of ketamine infusion"]


def test_menu_and_contents_unfold_on_a_phone(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page.goto("/questions")
    expect(page.get_by_role("navigation")).to_have_count(1)  # the one in the footer
    page.get_by_text("Menu").click()
    expect(page.get_by_role("link", name="First visit")).to_be_visible()
    page.get_by_text("Menu").click()
    page.get_by_text("On this page").last.click()
    expect(page.get_by_role("navigation", name="On this page")).to_be_visible()


def test_header_is_one_row_on_a_phone(open_page: OpenPage) -> None:
    for width in (320, 360):
        page = open_page(viewport={"width": width, "height": 740})
        for path in ALL_PAGES:
            page.goto(path)
            bar = page.locator(".bar").bounding_box()
            assert bar
            assert bar["height"] <= 72, (path, width)
            help_bar = page.locator(".crisis-bar").bounding_box()
            assert help_bar
            assert help_bar["height"] == 44, (path, width)


def test_crisis_numbers_can_be_tapped_on_every_page(page: Page) -> None:
    for path in ALL_PAGES:
        page.goto(path)
        for number in ("911", "988"):
            call = page.locator(".crisis-bar").get_by_role("link", name=f"Call {number}")
            expect(call).to_have_attribute("href", f"tel:{number}")


def test_every_page_works_without_javascript(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    for path in ALL_PAGES:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
