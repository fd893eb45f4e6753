"""A real Chromium that tells on a page: console errors, policy violations, foreign requests."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    sync_playwright,
)

from tests.support.site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", event =>
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI))
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.fail("No Chromium on PATH; `make chromium` installs it where it can.")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*QUIET, *sandbox])
        yield chromium
        chromium.close()


class PageMonitor:
    """What went wrong on the pages of one browser context."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.faults: list[str] = []
        self._host = urlsplit(site).netloc
        self._documents: set[str] = set()
        context.add_init_script(REPORT_VIOLATIONS)
        context.route("**/*", self._let_through_or_refuse)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script error: {error.error}"))

    def _let_through_or_refuse(self, route: Route) -> None:
        request = route.request
        if urlsplit(request.url).netloc != self._host:
            self.faults.append(f"foreign request: {request.url}")
            route.abort()
            return
        if request.is_navigation_request() or request.method == "POST":
            self._documents.add(request.url)
        route.fallback()

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium also complains when a page, or what a form was answered, has status 404 or
        # 422: that is no fault.
        own_status = (
            message.text.startswith("Failed to load resource")
            and message.location.get("url") in self._documents
        )
        if message.type == "error" and not own_status:
            self.faults.append(f"console: {message.text} {message.location.get('url', '')}".strip())


@pytest.fixture
def open_page(browser: Browser, server: Site) -> Iterator[Callable[..., Page]]:
    """Make a watched page; keywords are those of Playwright's ``new_context``, such as
    ``java_script_enabled=False``. Any fault on one of them fails the test at its end.
    """
    contexts: list[BrowserContext] = []
    watches: list[PageMonitor] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**{"base_url": server.url, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        watches.append(PageMonitor(context, options.get("base_url", server.url)))
        return context.new_page()

    yield make
    for context in contexts:
        with suppress(Exception):
            context.close()
    faults = [fault for watch in watches for fault in watch.faults]
    assert not faults, "\n".join(faults)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A new page of the running site; faults on it fail the test."""
    return open_page()
