"""The site's own gunicorn worker with small limits, and an application to serve with it."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from app.web.reception import Reception

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


LARGE = 20_000_000  # bytes
PARTS = 5_000


class SmallReception(Reception):
    ARRIVING = 1.5
    TAKING = 1.0
    LEAVING = 0.5
    MOST_HELD = 300_000


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Tell how long the body was, or take a second for it; or more than any connection has
    room for, more parts than a system call takes, less than was promised.
    """
    words = [str(len(environ["wsgi.input"].read())).encode()]
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    if environ["PATH_INFO"] == "/large":
        words = [b"x" * LARGE]
    if environ["PATH_INFO"] == "/parts":
        words = [b"x"] * PARTS
    start_response("200 OK", [("Content-Length", str(sum(map(len, words))))])
    return _broken() if environ["PATH_INFO"] == "/broken" else words


def _broken() -> Iterator[bytes]:
    yield b"0"
    raise OSError("after the head")
