"""A whole visit stores nothing on the visitor's device.

Requests to other hosts fail the test: see tests/support/browser.py.
"""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.contact.test_in_browser_sending import send, write
from tests.location.test_interactive_map import open_map

STORED = """async () => ({
  cookies: document.cookie,
  local: localStorage.length,
  session: sessionStorage.length,
  databases: (await indexedDB.databases()).map(one => one.name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).map(one => one.scope),
})"""
NOTHING: dict[str, Any] = {
    "cookies": "",
    "local": 0,
    "session": 0,
    "databases": [],
    "caches": [],
    "workers": [],
}


def visit(page: Page, path: str) -> None:
    page.goto(path)
    assert page.evaluate(STORED) == NOTHING, path


def test_whole_visit_stores_nothing(open_page: Callable[..., Page]) -> None:
    page = open_page()
    for path in ("/", "/first-visit", "/evidence", "/questions", "/privacy", "/no-such-page"):
        visit(page, path)
    open_map(page)
    assert page.evaluate(STORED) == NOTHING

    visit(page, "/contact")
    page.fill("#name", "Zebulon")
    page.locator("#message").press_sequentially("Do you take checks?")
    page.wait_for_timeout(600)  # the draft is saved when the typing pauses
    page.reload()
    expect(page.locator("#message")).to_have_value("Do you take checks?")
    assert page.evaluate(STORED) == NOTHING

    write(page, "Do you take checks?")
    send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("We received your message")
    assert page.evaluate(STORED) == NOTHING
    assert page.context.cookies() == []
    state: Any = page.context.storage_state(indexed_db=True)
    assert state == {"cookies": [], "origins": []}


def test_stored_data_is_detected(open_page: Callable[..., Page]) -> None:
    page = open_page()
    visit(page, "/privacy")
    page.evaluate("localStorage.setItem('a', 'b'); document.cookie = 'c=d'")
    stored = page.evaluate(STORED)
    assert (stored["local"], stored["cookies"]) == (1, "c=d")
