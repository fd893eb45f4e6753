"""Unsent drafts survive a reload and are never written to disk."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.contact.test_in_browser_sending import come
from tests.support.browser import CHROMIUM_OPTIONS, NAMES
from tests.support.site import Site

DRAFT = "Quillfeather marmalade \U0001f31e"
NAME = "Zebulon"


def type_something(page: Page) -> None:
    page.fill("#name", NAME)
    page.get_by_label("Phone call").check()
    page.select_option("#topic", "billing")
    page.locator("#message").press_sequentially(DRAFT)
    page.wait_for_timeout(600)  # the draft is saved when typing pauses


def test_reload_restores_the_draft(page: Page) -> None:
    come(page)
    type_something(page)
    page.reload()
    expect(page.locator("#message")).to_have_value(DRAFT)
    expect(page.locator("#name")).to_have_value(NAME)
    expect(page.get_by_label("Phone call")).to_be_checked()
    expect(page.locator("#topic")).to_have_value("billing")
    expect(page.get_by_role("status")).to_have_text("We restored what you typed.")
    page.reload()
    expect(page.locator("#message")).to_have_value(DRAFT)


def test_jump_within_the_page_keeps_the_draft(page: Page) -> None:
    come(page, "/")
    type_something(page)
    page.evaluate("location.hash = 'message'")
    page.wait_for_timeout(200)
    page.reload()
    expect(page.locator("#message")).to_have_value(DRAFT)


def test_another_tab_does_not_see_the_draft(page: Page) -> None:
    come(page)
    type_something(page)
    other = page.context.new_page()
    come(other)
    expect(other.locator("#message")).to_have_value("")


def test_draft_is_not_stored_and_unreadable_to_another_site(browser: Browser, server: Site) -> None:
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


def test_browser_writes_no_draft_to_disk(browser: Browser, server: Site, tmp_path: Path) -> None:
    """Chromium writes text of open forms to its session file unless the page opts out."""
    program = next(path for name in NAMES if (path := shutil.which(name)))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=program, args=[*CHROMIUM_OPTIONS, *sandbox], base_url=server.url
    )
    page = context.new_page()
    come(page)
    type_something(page)
    page.reload()
    expect(page.locator("#message")).to_have_value(DRAFT)
    type_something(page)
    page.goto("/privacy")
    page.evaluate("history.pushState('in the session file', '')")
    page.wait_for_timeout(4000)  # the session file is written every few seconds
    context.close()
    assert files_with(tmp_path, "in the session file")
    assert files_with(tmp_path, "Quillfeather") == files_with(tmp_path, NAME) == []


def files_with(folder: Path, text: str) -> list[Path]:
    """The files under ``folder`` that contain ``text``."""
    encodings = [text.encode(code) for code in ("utf-8", "utf-16-le")]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(text in path.read_bytes() for text in encodings)]
