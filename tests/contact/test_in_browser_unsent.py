"""Words not yet sent come back after a reload, and no disk ever holds them."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.contact.test_in_browser_sending import come
from tests.support.browser import CHROMIUM_OPTIONS, NAMES
from tests.support.site import Site

WORDS = "Quillfeather marmalade \U0001f31e"
NAME = "Zebulon"


def type_something(page: Page) -> None:
    page.fill("#name", NAME)
    page.get_by_label("Phone call").check()
    page.select_option("#topic", "billing")
    page.locator("#message").press_sequentially(WORDS)
    page.wait_for_timeout(600)  # they are put aside when the typing pauses


def test_a_reload_brings_them_back(page: Page) -> None:
    come(page)
    type_something(page)
    page.reload()
    expect(page.locator("#message")).to_have_value(WORDS)
    expect(page.locator("#name")).to_have_value(NAME)
    expect(page.get_by_label("Phone call")).to_be_checked()
    expect(page.locator("#topic")).to_have_value("billing")
    expect(page.get_by_role("status")).to_have_text("What you typed is back.")
    page.reload()
    expect(page.locator("#message")).to_have_value(WORDS)


def test_a_jump_within_the_page_does_not_lose_them(page: Page) -> None:
    come(page, "/")
    type_something(page)
    page.evaluate("location.hash = 'message'")
    page.wait_for_timeout(200)
    page.reload()
    expect(page.locator("#message")).to_have_value(WORDS)


def test_another_tab_sees_nothing_of_them(page: Page) -> None:
    come(page)
    type_something(page)
    other = page.context.new_page()
    come(other)
    expect(other.locator("#message")).to_have_value("")


def test_nothing_is_stored_and_another_site_gets_noise(browser: Browser, server: Site) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    come(page)
    type_something(page)
    stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    assert page.evaluate("indexedDB.databases()") == []
    for half in (page.evaluate("atob(window.name.slice(7))"), str(page.evaluate("history.state"))):
        assert "Quillfeather" not in half
        assert NAME not in half
    page.goto(server.url.replace("127.0.0.1", "localhost") + "/privacy")  # another site
    assert "Quillfeather" not in page.evaluate("window.name + JSON.stringify(history.state)")
    context.close()


def test_no_file_of_the_browser_holds_them(browser: Browser, server: Site, tmp_path: Path) -> None:
    """Chromium writes the text in open pages to its session file, unless a page says no."""
    program = next(path for name in NAMES if (path := shutil.which(name)))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=program, args=[*CHROMIUM_OPTIONS, *sandbox], base_url=server.url
    )
    page = context.new_page()
    come(page)
    type_something(page)
    page.reload()
    expect(page.locator("#message")).to_have_value(WORDS)
    type_something(page)
    page.goto("/privacy")
    page.evaluate("history.pushState('in the session file', '')")
    page.wait_for_timeout(4000)  # the session file is written every few seconds
    context.close()
    assert holders(tmp_path, "in the session file")
    assert holders(tmp_path, "Quillfeather") == holders(tmp_path, NAME) == []


def holders(folder: Path, text: str) -> list[Path]:
    """The files under ``folder`` that hold ``text``."""
    spellings = [text.encode(code) for code in ("utf-8", "utf-16-le")]
    files = [one for one in folder.rglob("*") if one.is_file()]
    return [one for one in files if any(text in one.read_bytes() for text in spellings)]
