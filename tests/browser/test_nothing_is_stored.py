"""A whole visit leaves nothing on the visitor's device and asks nobody else.

Requests to other hosts fail the test by themselves: see tests/support/browser.py.
"""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.contact.test_in_browser_sending import send, write
from tests.location.test_live_map import come_to_the_map

KEPT = """async () => ({
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
    assert page.evaluate(KEPT) == NOTHING, path


def test_a_whole_visit_leaves_nothing_behind(open_page: Callable[..., Page]) -> None:
    page = open_page()
    for path in ("/", "/first-visit", "/evidence", "/questions", "/privacy", "/no-such-page"):
        visit(page, path)
    come_to_the_map(page)
    assert page.evaluate(KEPT) == NOTHING

    visit(page, "/contact")
    page.fill("#name", "Zebulon")
    page.locator("#message").press_sequentially("Do you take checks?")
    page.wait_for_timeout(600)  # unsent words are put aside when the typing pauses
    page.reload()
    expect(page.locator("#message")).to_have_value("Do you take checks?")
    assert page.evaluate(KEPT) == NOTHING

    write(page, "Do you take checks?")
    send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("We received your message")
    assert page.evaluate(KEPT) == NOTHING
    assert page.context.cookies() == []
    state: Any = page.context.storage_state(indexed_db=True)
    assert state == {"cookies": [], "origins": []}


def test_the_test_would_see_what_is_stored(open_page: Callable[..., Page]) -> None:
    page = open_page()
    visit(page, "/privacy")
    page.evaluate("localStorage.setItem('a', 'b'); document.cookie = 'c=d'")
    kept = page.evaluate(KEPT)
    assert (kept["local"], kept["cookies"]) == (1, "c=d")
