"""The form with JavaScript: it is sent without leaving the page and never loses input."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.location.conftest import serving
from tests.support.site import Site, eventually

GOOD = {"#name": "Ada Example", "#email": "ada@example.com"}


def write(page: Page, message: str) -> None:
    """Fill in the whole form; ``message`` is different in each test."""
    for field, text in GOOD.items():
        page.fill(field, text)
    page.select_option("#topic", "billing")
    page.select_option("#location", "quay")
    page.fill("#message", message)


def come(page: Page, path: str = "/contact") -> None:
    """Open ``path`` and wait until its script has initialized the form."""
    page.goto(path)
    expect(page.locator("#contact-us-today form")).to_have_attribute("autocomplete", "off")


def send(page: Page) -> Locator:
    button = page.get_by_role("button", name="Send message", exact=True)
    button.click()
    return button


def received(page: Page) -> str:
    expect(page.get_by_role("heading", level=1)).to_have_text("We received your message")
    return page.locator(".reference-number").inner_text()


@pytest.mark.parametrize("path", ["/", "/contact"])
def test_errors_are_shown_in_place_and_then_sent(page: Page, path: str) -> None:
    come(page, path)
    page.evaluate("window.stayed = true")
    page.fill("#message", f"In place {path}")
    send(page)
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: (?!Error)"))
    expect(page.get_by_label("Your name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Your name")).to_have_accessible_description("Error: Enter your name")
    expect(page.locator("#message")).to_have_value(f"In place {path}")
    summary.get_by_role("link", name="Enter your name").click()
    expect(page.get_by_label("Your name")).to_be_focused()
    send(page)
    expect(page.get_by_role("alert")).to_have_count(1)
    assert page.evaluate("window.stayed"), "the page was left"
    write(page, f"In place {path}")
    send(page)
    reference = received(page)
    assert page.url.endswith(f"/contact/received/{reference}")


def test_error_summary_follows_the_form_heading(page: Page) -> None:
    come(page, "/")
    send(page)
    expect(page.locator("#contact-heading + .error-summary")).to_be_focused()


def test_likely_email_typo_is_asked_about_in_place(page: Page) -> None:
    come(page)
    write(page, "With a slip in the address")
    page.fill("#email", "ada@gmial.com")
    send(page)
    question = page.get_by_role("group", name="Did you mean ada@gmail.com?")
    expect(question.get_by_role("radio", checked=True)).to_have_count(0)
    question.get_by_label("No, keep ada@gmial.com").check()
    send(page)
    assert received(page)


def test_offline_submission_is_kept_and_retried_on_demand(page: Page, server: Site) -> None:
    come(page)
    write(page, "From a tunnel")
    page.context.set_offline(True)
    send(page)
    summary = page.get_by_role("alert", name="No connection")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Nothing was sent. What you wrote is still here.")
    expect(summary.get_by_role("link", name="212-555-0142")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert", name="No connection")).to_be_focused()
    page.context.set_offline(False)
    page.wait_for_timeout(300)  # long enough for an eager script to send by itself
    expect(page.locator("#message")).to_have_value("From a tunnel")
    page.get_by_role("button", name="Try again").click()
    reference = received(page)
    eventually(lambda: [one for one in server.messages() if reference in str(one["Subject"])])


def test_lost_response_is_not_reported_as_unsent(browser: Browser, server: Site) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    come(page)
    write(page, "The answer to this got lost")

    def take_and_lose(route: Route) -> None:
        sent = {**route.request.headers, "origin": server.url}  # Playwright leaves it out
        route.fetch(max_redirects=0, headers=sent)
        route.abort("connectionreset")

    page.route("**/contact", take_and_lose)
    send(page)
    summary = page.get_by_role("alert", name="Connection lost")
    expect(summary).to_contain_text("We can\u2019t tell whether your message reached us.")
    expect(summary).not_to_contain_text("Nothing was sent")
    page.unroute("**/contact")
    page.get_by_role("button", name="Try again").click()
    reference = received(page)
    context.close()
    eventually(lambda: [one for one in server.messages() if reference in str(one["Subject"])])
    kept = [one for one in server.messages() if "The answer to this got lost" in one.as_string()]
    assert len(kept) == 1


def test_proxy_error_page_loses_nothing(browser: Browser, server: Site) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    come(page)
    write(page, "Past the proxy")
    page.route("**/contact", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))
    button = send(page)
    expect(page.get_by_role("alert", name="Our website did not respond")).to_be_focused()
    expect(page.locator("#message")).to_have_value("Past the proxy")
    expect(button).to_be_enabled()
    context.close()


def test_double_click_on_a_slow_server_sends_once(page: Page) -> None:
    waiting: list[Route] = []
    page.route("**/contact", lambda route: waiting.append(route) if is_post(route) else go(route))
    come(page)
    write(page, "Clicked twice")
    page.get_by_role("button", name="Send message", exact=True).dblclick()
    button = page.get_by_role("button", name="Sending…")
    expect(button).to_be_disabled()
    expect(button).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("Sending…")
    page.locator("#name").press("Enter")
    page.wait_for_timeout(200)
    assert len(waiting) == 1
    page.fill("#name", "Ada Lovelace")
    waiting[0].continue_()
    received(page)


def test_text_typed_while_waiting_for_the_response_is_kept(page: Page) -> None:
    waiting: list[Route] = []
    page.route("**/contact", lambda route: waiting.append(route) if is_post(route) else go(route))
    come(page)
    send(page)
    page.fill("#message", "Typed meanwhile")
    page.check("text=Phone call")
    waiting[0].continue_()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.locator("#message")).to_have_value("Typed meanwhile")
    expect(page.get_by_label("Phone call")).to_be_checked()


def is_post(route: Route) -> bool:
    return route.request.method == "POST"


def go(route: Route) -> None:
    route.fallback()


def test_character_count_is_visible_and_announced_near_the_limit(page: Page) -> None:
    come(page)
    page.fill("#message", "x" * 3999)
    expect(page.get_by_text("characters left")).to_have_count(0)
    page.fill("#message", "x" * 4000 + "\U0001f31e")
    expect(page.get_by_text("999 characters left")).to_be_visible()
    page.wait_for_timeout(1700)
    expect(page.get_by_role("status")).to_have_text("")
    page.fill("#message", "x" * 4800)
    expect(page.get_by_role("status")).to_have_text("200 characters left")
    page.fill("#message", "x" * 5012)
    expect(page.get_by_role("status")).to_have_text("12 characters too many")


def test_phone_number_becomes_required_when_needed(page: Page) -> None:
    come(page)
    phone = page.get_by_label("Phone number")
    assert not phone.evaluate("one => one.required")
    page.get_by_label("Text message", exact=True).check()
    expect(page.get_by_label("Phone number (required)")).to_be_visible()
    assert phone.evaluate("one => one.required")
    page.get_by_label("Email", exact=True).check()
    expect(page.get_by_label("Phone number (required)")).to_have_count(0)


def test_form_is_empty_after_sending(open_page: Callable[..., Page]) -> None:
    page = open_page()
    come(page)
    write(page, "For the clinic's eyes")
    send(page)
    received(page)
    page.go_back()
    expect(page.locator("#message")).to_have_value("")
    expect(page.locator("#name")).to_have_value("")


def test_what_was_typed_survives_a_rate_limited_post(
    browser: Browser, make_app: Callable[..., Flask]
) -> None:
    with serving(make_app(RATELIMIT_ENABLED="true")) as url:
        for javascript in (True, False):
            context = browser.new_context(base_url=url, java_script_enabled=javascript)
            refused = 0
            while refused < 10:  # in a row
                response = context.request.post("/contact", form={"name": ""})
                refused = refused + 1 if response.status == 429 else 0
            page = context.new_page()
            page.goto("/contact")
            write(page, "One too many")
            send(page)
            expect(page.get_by_role("alert")).to_contain_text(
                "too many messages from your internet connection"
            )
            if not javascript:
                page.go_back()
            expect(page.locator("#message")).to_have_value("One too many")
            expect(page.locator("#name")).to_have_value("Ada Example")
            context.close()
