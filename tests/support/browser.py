"""Chromium, with checks for console errors, CSP violations and requests to other hosts."""

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
    Request,
    sync_playwright,
)

from config import ROOT
from tests.support.site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HEADLESS_SHELL = ROOT / "build" / "chromium" / "usr" / "lib" / "chromium"
CHROMIUM_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Playwright could block other hosts too, but then it delays every request.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", event =>
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI))
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which(
        "chromium-headless-shell", path=f"{HEADLESS_SHELL}{os.pathsep}{os.environ['PATH']}"
    )
    program = program or next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.fail("Chromium is not on PATH: run `make chromium`")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=[*CHROMIUM_OPTIONS, *sandbox]
        )
        yield chromium
        chromium.close()


class PageMonitor:
    """Collects the errors on all pages of one browser context.

    Requests to hosts other than that of ``site`` are errors, except ``other_hosts``, whose
    responses the test supplies: Chromium resolves no name but this machine's.
    """

    def __init__(
        self, context: BrowserContext, site: str, other_hosts: tuple[str, ...] = ()
    ) -> None:
        self.errors: list[str] = []
        self._hosts = ("", urlsplit(site).netloc, *other_hosts)  # "": about:, blob:
        self._documents: set[str] = set()
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("request", self._check_host)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(f"script error: {error.error}"))

    def _check_host(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in self._hosts:
            self.errors.append(f"request to another host: {request.url}")
        if request.is_navigation_request() or request.method == "POST":
            self._documents.add(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium also logs an error if a page or the response to a form has status 404 or 422,
        # which is expected.
        expected_status = (
            message.text.startswith("Failed to load resource")
            and message.location.get("url") in self._documents
        )
        if message.type == "error" and not expected_status:
            self.errors.append(f"console: {message.text} {message.location.get('url', '')}".strip())


@pytest.fixture
def open_page(browser: Browser, server: Site) -> Iterator[Callable[..., Page]]:
    """Open a page with checks. Arguments are passed to Playwright's ``new_context``, such as
    ``java_script_enabled=False``, except ``other_hosts`` of PageMonitor. Any error on a page
    fails the test at its end.
    """
    contexts: list[BrowserContext] = []
    monitors: list[PageMonitor] = []

    def open_(other_hosts: tuple[str, ...] = (), **options: Any) -> Page:
        context = browser.new_context(**{"base_url": server.url, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        monitors.append(PageMonitor(context, options.get("base_url", server.url), other_hosts))
        return context.new_page()

    yield open_
    for context in contexts:
        with suppress(Exception):
            context.close()
    errors = [error for monitor in monitors for error in monitor.errors]
    assert not errors, "\n".join(errors)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A new page of the running site. Any error on it fails the test."""
    return open_page()
