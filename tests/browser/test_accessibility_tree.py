"""Names, roles and states for screen readers: table of contents, map and form."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

CONTENTS = """
- navigation "On this page":
  - heading "On this page" [level=2]
  - list:
    - listitem:
      - link "What is ketamine?":
        - /url: "#what-is-ketamine"
    - listitem:
      - link "Effects of ketamine"
"""
STATIC_MAP = """
- img /1 Quay Street, 12 Quay Street; 2 Lighthouse Hill, 3 Lighthouse Road/
"""
INTERACTIVE_MAP = """
- region "Map of our locations":
  - button "1. Quay Street"
  - button "2. Lighthouse Hill"
  - button "Zoom in"
  - button "Zoom out"
  - button "Show all locations"
"""
FORM = """
- group "Your question":
  - combobox "What is your message about? (required)":
    - option "Choose one" [selected]
    - option "General question"
  - combobox "Which location is this about? (required)"
  - textbox "Your message (required)"
- group "About you":
  - textbox "Your name (required)"
  - textbox "Email address (required)"
  - group "How should we reply?":
    - radio "Email" [checked]
    - radio "Phone call"
    - radio "Text message"
- button "Send message"
"""
PHONE_FIELDS = """
- textbox "Phone number (required)"
- checkbox "It\u2019s OK to leave me a voicemail"
- textbox "Best time to reach you"
"""
ERROR_SUMMARY = """
- alert "There is a problem":
  - heading "There is a problem" [level=2]
  - list:
    - listitem:
      - link "Choose what your message is about":
        - /url: "#topic"
    - listitem:
      - link "Choose a location":
        - /url: "#location"
"""
FORM_WITH_ERRORS = """
- group "Your question":
  - combobox "What is your message about? (required)" [invalid]
  - combobox "Which location is this about? (required)" [invalid]
  - textbox "Your message (required)" [invalid]
- group "About you":
  - textbox "Your name (required)" [invalid]
  - textbox "Email address (required)" [invalid]
- button "Send message"
"""


def test_table_of_contents(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".columns > .contents")).to_match_aria_snapshot(CONTENTS)


def test_static_map(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/location")
    expect(page.locator("#map-box")).to_match_aria_snapshot(STATIC_MAP)


def test_interactive_map(page: Page) -> None:
    page.goto("/location")
    page.locator("#map-box").scroll_into_view_if_needed()
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=20_000)
    expect(page.locator("#map-box")).to_match_aria_snapshot(INTERACTIVE_MAP)
    expect(page.locator("#map-box")).not_to_match_aria_snapshot("- img")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("path", ["/", "/contact"])
def test_form_and_its_errors(page: Page, path: str) -> None:
    page.goto(path)
    form = page.locator("#contact-us-today form")
    expect(form).to_match_aria_snapshot(FORM)
    expect(form.get_by_label("Phone number")).not_to_be_visible()
    form.get_by_label("Phone call").check()
    expect(form.locator(".by-phone")).to_match_aria_snapshot(PHONE_FIELDS)
    expect(form.locator(".text-consent")).not_to_be_visible()
    for name, autofill in (("Your name", "name"), ("Email", "email"), ("Phone number", "tel")):
        field = form.get_by_role("textbox", name=name)
        expect(field).to_have_attribute("autocomplete", autofill)
    form.get_by_label("Email", exact=True).check()
    page.get_by_role("button", name="Send message").click()
    expect(page.locator(".error-summary")).to_match_aria_snapshot(ERROR_SUMMARY)
    expect(form).to_match_aria_snapshot(FORM_WITH_ERRORS)
    for name, words in (
        ("Your name", "Error: Enter your name"),
        ("Which location is this about?", "Error: Choose a location"),
        ("Your message (required)", "Error: Enter your message"),
    ):
        field = form.get_by_label(name)
        assert words in text_of(page, field.get_attribute("aria-describedby") or "")


def text_of(page: Page, ids: str) -> str:
    return " ".join(page.locator(f"#{name}").text_content() or "" for name in ids.split())
