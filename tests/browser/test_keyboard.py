"""A whole visit by keyboard: read, use the map, fill in the form, correct it, submit it.

Nothing here clicks or focuses by script; each stop of the Tab key must be visible and marked.
"""

import re

from playwright.sync_api import Page, expect

from app.contact.models import REFERENCE_PATTERN
from tests.support.site import Site, eventually

EMAIL = "ada@example.com"
MAX_TABS = 150  # more than from any stop to any later one
STOP = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect();
  const name = element.labels?.[0]?.innerText || element.ariaLabel || element.title
    || element.innerText;
  return {
    name: name.trim(),
    id: element.id,
    visible: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    marked: parseFloat(getComputedStyle(element).outlineWidth) > 0,
  };
}"""
PIN = "document.querySelector('.map-pin').getBoundingClientRect().x"


def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Press Tab until the focused element has this name or id."""
    passed = []
    for _ in range(MAX_TABS):
        page.keyboard.press(key)
        stop = page.evaluate(STOP)
        passed.append(stop["name"])
        assert stop["marked"], f"no focus is shown on {stop}"
        if name in (stop["name"], stop["id"]):
            assert stop["visible"], f"not visible: {stop}"
            return
    raise AssertionError(f"{name} cannot be reached by {key}: {passed}")


def follow(page: Page, link: str, *, key: str = "Tab") -> None:
    tab_to(page, link, key=key)
    page.keyboard.press("Enter")


def test_whole_visit_by_keyboard(page: Page, server: Site) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/")
    read(page)
    use_the_map(page)
    submit_three_errors(page)
    correct_the_errors(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("We received your message")
    reference = page.locator(".reference-number").inner_text()
    assert re.fullmatch(REFERENCE_PATTERN, reference)
    eventually(lambda: [email for email in server.messages() if reference in str(email["Subject"])])


def read(page: Page) -> None:
    follow(page, "Skip to main content")
    expect(page.locator("#main")).to_be_focused()
    follow(page, "Side effects")
    expect(page.locator("#side-effects")).to_be_in_viewport()
    before = page.evaluate("scrollY")
    page.keyboard.press("Space")
    eventually(lambda: page.evaluate("scrollY") > before + 300, 5, "a page further")


def use_the_map(page: Page) -> None:
    follow(page, "Location map", key="Shift+Tab")
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=20_000)
    page.wait_for_load_state("networkidle")
    tab_to(page, "Map of our locations")
    before = page.evaluate(PIN)
    eventually(lambda: pan_left(page) > before + 50, 10, "the map moved")
    follow(page, "2. Lighthouse Hill")
    expect(page.get_by_role("dialog", name="2. Lighthouse Hill")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="2. Lighthouse Hill")).to_be_focused()
    page.wait_for_load_state("networkidle")


def pan_left(page: Page) -> float:
    """The position of the marker afterwards. The map ignores keys while it still moves."""
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    return float(page.evaluate(PIN))


def submit_three_errors(page: Page) -> None:
    tab_to(page, "What is your message about? (required)")
    page.keyboard.type("Billing")
    tab_to(page, "Which location is this about? (required)")
    page.keyboard.type("Quay")  # first error: no message
    tab_to(page, "Your name (required)")
    page.keyboard.type("Ada Example")
    tab_to(page, "Email address (required)")
    page.keyboard.type("ada at example.com")  # second error
    tab_to(page, "Email")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Phone call")).to_be_checked()
    tab_to(page, "Phone number (required)")
    page.keyboard.type("0142")  # third error
    tab_to(page, "Send message")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(3)


def correct_the_errors(page: Page) -> None:
    back = "Shift+Tab"
    for key, error, correction in (
        ("Tab", "Enter an email address in the correct format, like name@example.com", EMAIL),
        (back, "Enter a phone number, like (201) 555-0123", "212-555-0142"),
        (back, "Enter your message", "Do you take checks?"),
    ):
        follow(page, error, key=key)
        page.keyboard.press("Control+A")
        page.keyboard.type(correction)
    tab_to(page, "Send message")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/contact/received/"))
