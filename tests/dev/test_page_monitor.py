"""The watched browser: it lets good pages pass and tells on bad ones."""

import httpx
from playwright.sync_api import Browser, Page

from tests.support.browser import PageMonitor
from tests.support.site import Site, eventually


def watched(browser: Browser, server: Site) -> tuple[PageMonitor, Page]:
    context = browser.new_context(base_url=server.url)
    watch = PageMonitor(context, server.url)
    page = context.new_page()
    page.goto("/dev/mailbox")
    return watch, page


def test_console_errors_are_told(browser: Browser, server: Site) -> None:
    watch, page = watched(browser, server)
    page.evaluate("console.error('something broke')")
    page.context.close()
    assert len(watch.faults) == 1
    assert watch.faults[0].startswith("console: something broke")


def test_what_the_policy_forbids_is_told(browser: Browser, server: Site) -> None:
    watch, page = watched(browser, server)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
    page.wait_for_timeout(200)
    page.context.close()
    assert any("policy violation: style-src" in fault for fault in watch.faults)


def test_a_request_to_another_host_is_refused_and_told(browser: Browser, server: Site) -> None:
    watch, page = watched(browser, server)
    page.goto("about:blank")
    page.evaluate("fetch('https://example.com/').catch(() => 0)")
    page.context.close()
    assert "foreign request: https://example.com/" in watch.faults


def test_a_page_with_status_404_is_no_fault(page: Page) -> None:
    answer = page.goto("/no-such-page")
    assert answer is not None
    assert answer.status == 404


def test_a_mail_is_read_in_the_mailbox(page: Page, server: Site) -> None:
    inquiry = {
        "name": "Ada Example",
        "email": "ada@example.com",
        "topic": "billing",
        "location": "quay",
        "message": "How much is it?\nThank you!",
    }
    assert httpx.post(f"{server.url}/api/v1/inquiries", json=inquiry).status_code == 201
    eventually(lambda: "How much is it?" in "".join(map(str, server.messages())), 15, "the mail")
    page.goto("/dev/mailbox")
    page.get_by_role("link", name="Billing question").first.click()
    assert "How much is it?" in page.locator("pre").inner_text()
    html_part = page.frame_locator("iframe")
    assert "Ada Example" in html_part.locator("body").inner_text()
