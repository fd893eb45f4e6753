"""The contact form in a browser, with and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.site import Site


@pytest.mark.parametrize("javascript", [True, False], ids=["with", "without"])
def test_errors_are_shown_corrected_and_sent(
    open_page: Callable[..., Page],
    javascript: bool,  # noqa: FBT001
) -> None:
    page = open_page(java_script_enabled=javascript)
    page.goto("/contact")
    page.get_by_label("Your name").fill("Ada Example")
    page.get_by_role("button", name="Send message").click()
    expect(page).to_have_title("Error: Contact us today · Null Harbor Infusion Clinic")
    summary = page.get_by_role("alert")
    summary.get_by_role("link", name="Enter your message").click()
    page.keyboard.type("Do you take checks?")
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_label("What is your message about?").select_option("Billing or cost")
    page.get_by_label("Which location is this about?").select_option("Lighthouse Hill")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We received your message")
    reference = page.locator(".reference-number").inner_text()
    assert page.url.endswith(f"/contact/received/{reference}")


def test_error_summary_is_focused_and_fields_are_described(page: Page) -> None:
    page.goto("/contact")
    page.get_by_role("button", name="Send message").click()
    expect(page.locator(".error-summary")).to_be_focused()
    field = page.get_by_label("Email address")
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    description = " ".join(page.locator(f"#{id_}").inner_text() for id_ in described)
    assert "Enter an email address in the correct format" in description


def test_going_back_and_sending_again_is_the_same_inquiry(browser: Browser, server: Site) -> None:
    # Not the ``page`` fixture: it disables the cache that going back relies on.
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/contact")
    page.get_by_label("Your name").fill("Ada Example")
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_label("What is your message about?").select_option("general")
    page.get_by_label("Which location is this about?").select_option("quay")
    page.get_by_role("textbox", name="Your message").fill("Sent once, I think")
    page.get_by_role("button", name="Send message").click()
    first = page.locator(".reference-number").inner_text()
    page.go_back()
    expect(page.get_by_role("textbox", name="Your message")).to_have_value("Sent once, I think")
    page.get_by_role("button", name="Send message").click()
    assert page.locator(".reference-number").inner_text() == first
    context.close()


def test_form_on_the_home_page_leads_to_the_contact_page(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    form = page.locator("#contact-us-today")
    form.get_by_role("button", name="Send message").click()
    expect(page).to_have_url(re.compile(r"/contact$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Contact us today")


def test_honeypot_is_unreachable_by_keyboard_and_screen_reader(page: Page) -> None:
    page.goto("/contact")
    assert page.get_by_role("textbox", name="validation purposes").count() == 0
    names = []
    for _ in range(40):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.name || ''"))
    assert "message" in names
    assert "honeypot" not in names
