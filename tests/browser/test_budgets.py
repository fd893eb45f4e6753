"""Performance budgets, measured in a real browser with an empty cache."""

import urllib.request
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response

from tests.support.pages import ALL_PAGES, PUBLIC_PAGES
from tests.support.site import Site

FIRST_ROUND_TRIP = 10 * 1460  # bytes: ten segments, RFC 6928
MAX_REQUESTS = 6  # page, two fonts, late style sheet, script and drawing, besides the favicon
MAX_SCRIPT = 4096  # bytes
# Loaded when they come near, and the favicon.
LATER_PATHS = ("/location/", "/static/vendor/", "/static/css/map.css", "/figures/", "/favicon.svg")
SHIFTS = """() => { window.shifts = [];
  new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(entry =>
    entry.value + " " + entry.sources.map(one => one.node?.outerHTML?.slice(0, 80)))))
    .observe({type: "layout-shift", buffered: true}); }"""
SCROLL_TO_END = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  } }"""


def sizes(url: str) -> set[int]:
    """The sizes of Brotli responses from all workers, with status line and headers."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "br"})
    found = set()
    for _ in range(12):
        with urllib.request.urlopen(request) as response:
            head = f"HTTP/1.1 200 OK\r\n{response.headers.as_string()}"
            found.add(len(head) + len(response.read()))
    return found


def test_every_page_fits_one_round_trip(server: Site) -> None:
    for path in PUBLIC_PAGES:
        assert max(sizes(server.url + path)) <= FIRST_ROUND_TRIP, path


def test_page_has_few_requests_little_script_and_no_cookies(open_page: Callable[..., Page]) -> None:
    """Requests to other hosts fail any test that opens a page."""
    for path in ALL_PAGES:
        page = open_page(viewport={"width": 360, "height": 640})
        responses: list[Response] = []
        page.on("response", partial(list.append, responses))
        page.goto(path, wait_until="networkidle")
        before = {
            response.url: response
            for response in responses
            if not urlsplit(response.url).path.startswith(LATER_PATHS)
        }
        script = sum(
            response.request.sizes()["responseBodySize"]
            for response in before.values()
            if response.request.resource_type == "script"
        )
        assert len(before) <= MAX_REQUESTS, (path, list(before))
        assert script <= MAX_SCRIPT, (path, list(before), script)
        assert page.context.cookies() == [], path
        page.context.close()


def test_layout_never_shifts(open_page: Callable[..., Page]) -> None:
    """The cumulative layout shift is 0 while scrolling to the end of each page."""
    for width in (360, 1280):
        page = open_page(viewport={"width": width, "height": 800})
        for path in ALL_PAGES:
            page.goto(path)
            page.evaluate(SHIFTS)
            page.evaluate(SCROLL_TO_END)
            assert page.evaluate("shifts") == [], (path, width)
