"""The page monitor reports errors and accepts pages without errors."""

import httpx
from playwright.sync_api import Browser, Page

from tests.contact.conftest import GOOD
from tests.support.browser import PageMonitor
from tests.support.site import Site, eventually


def monitored_page(browser: Browser, server: Site) -> tuple[PageMonitor, Page]:
    context = browser.new_context(base_url=server.url)
    monitor = PageMonitor(context, server.url)
    page = context.new_page()
    page.goto("/dev/mailbox")
    return monitor, page


def test_console_errors_are_reported(browser: Browser, server: Site) -> None:
    monitor, page = monitored_page(browser, server)
    page.evaluate("console.error('something broke')")
    page.context.close()
    assert len(monitor.errors) == 1
    assert monitor.errors[0].startswith("console: something broke")


def test_policy_violations_are_reported(browser: Browser, server: Site) -> None:
    monitor, page = monitored_page(browser, server)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
    page.wait_for_timeout(200)
    page.context.close()
    assert any("policy violation: style-src" in error for error in monitor.errors)


def test_a_request_to_another_host_is_blocked_and_reported(browser: Browser, server: Site) -> None:
    monitor, page = monitored_page(browser, server)
    page.goto("about:blank")
    page.evaluate("fetch('https://example.com/').catch(() => 0)")
    page.context.close()
    assert "request to another host: https://example.com/" in monitor.errors


def test_a_page_with_status_404_is_not_an_error(page: Page) -> None:
    response = page.goto("/no-such-page")
    assert response is not None
    assert response.status == 404


def test_a_message_can_be_read_in_the_mailbox(page: Page, server: Site) -> None:
    inquiry = {**GOOD, "message": "How much is it?\nThank you!"}
    assert httpx.post(f"{server.url}/api/v1/inquiries", json=inquiry).status_code == 201
    eventually(lambda: "How much is it?" in "".join(map(str, server.messages())), 15, "the message")
    page.goto("/dev/mailbox")
    page.get_by_role("link", name="Billing or cost").first.click()
    assert "How much is it?" in page.locator("pre").inner_text()
    html_part = page.frame_locator("iframe")
    assert "Ada Example" in html_part.locator("body").inner_text()
