"""Page latency while somebody sends the most costly posts that are accepted.

The first phase requests pages only. In the second, one client also sends six posts a minute,
below the rate limit, with the largest accepted body in ten costly shapes.
"""

import itertools
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from urllib.error import HTTPError

from bench.markdown import table
from bench.profiles import Profile
from bench.servers import frontdesk
from tests.attacks.costly_posts import (
    LARGEST,
    LONGEST_MESSAGE,
    SHAPES,
    encoded_size,
    filled,
    form_and_json,
)

PATHS = ("", "questions", "location", "contact", "contact/received/BBB-BBB")
SHAPE_COUNT = 10
POST_INTERVAL = 10  # seconds
PAGE_INTERVAL = 0.05  # seconds
HEAD = ("pages", "requests", "p50 ms", "p99 ms", "slowest ms", "posts", "slowest post ms")


def report(profile: Profile) -> str:
    seconds = 60 * profile.seconds  # per phase
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        frontdesk(Path(folder), RATELIMIT_ENABLED="true", MAIL_PORT="9") as server,
    ):
        _request_pages(server.url, 2)  # fill the page cache
        alone = _request_pages(server.url, seconds)
        with _hostile_client(server.url) as posts:
            attacked = _request_pages(server.url, seconds)
    return table(HEAD, [_row("alone", alone, []), _row("with hostile posts", attacked, posts)])


def _request_pages(url: str, seconds: float) -> list[float]:
    """Request pages one after another. Returns how many milliseconds each took."""
    took, paths, deadline = [], itertools.cycle(PATHS), time.monotonic() + seconds
    while time.monotonic() < deadline:
        took.append(_milliseconds(url + next(paths)))
        time.sleep(PAGE_INTERVAL)
    return took


@contextmanager
def _hostile_client(url: str) -> Iterator[list[float]]:
    """Send posts in a thread. Yields how many milliseconds each took so far."""
    took: list[float] = []
    stopped = threading.Event()

    def send() -> None:
        for path, body, media_type in itertools.cycle(_hostile_posts()):
            request = urllib.request.Request(url.rstrip("/") + path, data=body)
            request.add_header("Content-Type", media_type)
            took.append(_milliseconds(request))
            if stopped.wait(POST_INTERVAL):
                break

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield took
    finally:
        stopped.set()
        thread.join()


def _hostile_posts() -> Iterator[tuple[str, bytes, str]]:
    """The largest body, and the longest message, of each shape for the form and the API."""
    for shape in itertools.islice(SHAPES.values(), SHAPE_COUNT):
        yield from form_and_json(message=filled(shape, LARGEST, encoded_size))
        yield from form_and_json(message=f"x{filled(shape, LONGEST_MESSAGE, len)[1:]}")


def _milliseconds(request: str | urllib.request.Request) -> float:
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()
    except HTTPError as error:  # the expected response to most of the posts
        if error.code not in (400, 404, 422):
            raise
    return (time.perf_counter() - started) * 1000


def _row(name: str, pages: list[float], posts: list[float]) -> list[str]:
    percentiles = quantiles(pages, n=100)
    figures = (percentiles[49], percentiles[98], max(pages))
    return [
        name,
        f"{len(pages):,}",
        *(f"{figure:.1f}" for figure in figures),
        str(len(posts)),
        f"{max(posts):.0f}" if posts else "-",
    ]
