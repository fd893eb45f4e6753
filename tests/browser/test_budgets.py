"""What a page may cost the visitor, measured in a real browser with an empty cache."""

import urllib.request
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response

from tests.support.site import Site

FIRST_FLIGHT = 10 * 1460  # bytes: ten segments, RFC 6928
MOST_REQUESTS = 4  # page, script, mark, and the style sheet for print
MOST_SCRIPT = 4096  # bytes
OF_THE_MAP = ("/location/", "/static/vendor/", "/static/css/map.css")
SHIFTS = """() => { window.shifts = [];
  new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(entry =>
    entry.value + " " + entry.sources.map(one => one.node?.outerHTML?.slice(0, 80)))))
    .observe({type: "layout-shift", buffered: true}); }"""
TO_THE_END = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  } }"""


def sizes(url: str) -> set[int]:
    """How many bytes of Brotli came, from whichever worker answered."""
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "br"})
    found = set()
    for _ in range(12):
        with urllib.request.urlopen(asked) as answer:
            found.add(len(answer.read()))
    return found


def test_every_page_comes_in_one_flight(server: Site, every_page: list[str]) -> None:
    for path in every_page[:-1]:
        assert max(sizes(server.url + path)) <= FIRST_FLIGHT, path


def test_few_requests_little_script_and_no_cookie_before_the_map(
    open_page: Callable[..., Page], every_page: list[str]
) -> None:
    """Requests to strangers fail any test that opens a page."""
    for path in every_page:
        page = open_page(viewport={"width": 360, "height": 640})
        answers: list[Response] = []
        page.on("response", partial(list.append, answers))
        page.goto(path, wait_until="networkidle")
        # By address: the mark is both picture and icon, and comes once from the cache.
        before = {
            one.url: one for one in answers if not urlsplit(one.url).path.startswith(OF_THE_MAP)
        }
        script = sum(
            one.request.sizes()["responseBodySize"]
            for one in before.values()
            if one.request.resource_type == "script"
        )
        assert len(before) <= MOST_REQUESTS, (path, list(before))
        assert script <= MOST_SCRIPT, (path, list(before), script)
        assert page.context.cookies() == [], path
        page.context.close()


def test_nothing_moves_while_a_page_is_read(
    open_page: Callable[..., Page], every_page: list[str]
) -> None:
    """Cumulative layout shift 0, from the first byte to the end of the page."""
    for width in (360, 1280):
        page = open_page(viewport={"width": width, "height": 800})
        for path in every_page:
            page.goto(path)
            page.evaluate(SHIFTS)
            page.evaluate(TO_THE_END)
            assert page.evaluate("shifts") == [], (path, width)
