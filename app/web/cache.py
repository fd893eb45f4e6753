"""Bytes made once and served many times: ETag, Brotli and gzip, 304, HEAD.

A ``Representation`` is one body with its encodings. A ``RenderCache`` keeps
representations of pages whose text depends on the hour (opening status).
"""

import ctypes
import gzip
import hashlib
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import brotli
from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from app.web.headers import allow_images_from, images_allowed

QUICK, SMALLEST = 5, 11  # Brotli: about 2 ms and about 50 ms for an article
ONE_FLIGHT = 10 * 1460  # bytes that a server sends before the first acknowledgement, RFC 6928
_shrinking = threading.Lock()  # 4 MB for each page that is being made smaller
COMPRESSIBLE = ("text/", "image/svg+xml", "application/json", "application/javascript",
                "application/xml", "application/manifest+json")  # fmt: skip

# In the WSGI environ of a request: (body, route) of an answer that may be given again.
KEEP = "frontdesk.keep"
# There too: nobody waits for this answer, so it is made in its smallest form at once.
UNHURRIED = "frontdesk.unhurried"


PROXY_SECONDS = 20  # how long the web server in front answers without asking again


def let_proxy_cache(response: Response, cache_control: str) -> None:
    """Let the page cache in front (nginx) keep the answer to the current request.

    Call it before ``Cache-Control`` is set: nginx before 1.23 heeds whichever comes first.
    A query has no effect on an answer unless it is the fingerprint of the file, so an answer
    to any other query is not kept: nobody can fill the cache by inventing queries.
    """
    if not request.query_string or "immutable" in cache_control:
        response.headers["X-Accel-Expires"] = str(PROXY_SECONDS)


@lru_cache(maxsize=128)  # browsers say the same few things
def coding_for(accepted: str) -> str | None:
    """The content coding that an Accept-Encoding header prefers: ``br``, ``gzip`` or None."""
    return parse_accept_header(accepted, Accept).best_match(("br", "gzip"))


class Representation:
    """One body in every encoding that we offer; encodings are made when first asked for."""

    def __init__(self, body: bytes, media_type: str, images: frozenset[str] = frozenset()) -> None:
        self.body = body
        self.media_type = media_type
        self.images = images
        # Weak, because one tag stands for all encodings of the same body.
        self.etag = hashlib.sha256(body).hexdigest()[:20]
        self._encoded: dict[str, bytes] = {}
        self._shrunk = False
        self.compressible = media_type.startswith(COMPRESSIBLE)

    def respond(self, cache_control: str) -> Response:
        """The answer to the current request: 304 where the client has these bytes already."""
        accepted = request.headers.get("Accept-Encoding", "")
        coding = coding_for(accepted) if self.compressible else None
        if coding == "br" and not self._shrunk and UNHURRIED in request.environ:
            self.shrink()
        settled = self._shrunk or coding != "br"
        body = self.encoded(coding)
        if settled and request.url_rule:
            request.environ[KEEP] = body, request.url_rule.rule
        response = Response(body, content_type=self.media_type)
        let_proxy_cache(response, cache_control)
        response.headers["Cache-Control"] = cache_control
        if self.compressible:
            response.headers["Vary"] = "Accept-Encoding"
        if coding:
            response.headers["Content-Encoding"] = coding
        response.set_etag(self.etag, weak=True)
        allow_images_from(*self.images)
        response.make_conditional(request)
        del response.headers["Date"]  # every server writes one itself
        return response

    def encoded(self, coding: str | None) -> bytes:
        """The body in ``coding`` (``br``, ``gzip`` or None)."""
        if coding is None:
            return self.body
        if coding not in self._encoded:
            self._encode(coding)
        return self._encoded[coding]

    def _encode(self, coding: str) -> None:
        if coding == "gzip":
            self._encoded["gzip"] = gzip.compress(self.body, 9, mtime=0)
            return
        self._encoded["br"] = brotli.compress(self.body, quality=QUICK)
        if self.media_type.startswith("text/html") and len(self._encoded["br"]) > ONE_FLIGHT:
            self.shrink()  # a second flight would take a phone longer
        else:  # the first visitor does not wait for the last few percent
            threading.Thread(target=self.shrink, daemon=True).start()

    def shrink(self) -> None:
        """Replace the quick Brotli encoding by the smallest one; takes about 0.05 s."""
        with _shrinking:
            self._encoded["br"] = brotli.compress(self.body, quality=SMALLEST)
            _give_back_memory()
        self._shrunk = True


def _give_back_memory() -> None:
    """What Brotli needed and the C library keeps: 15 MB in each worker, once all pages are made."""
    with suppress(AttributeError, OSError):  # not every C library is glibc
        ctypes.CDLL(None).malloc_trim(0)


class RenderCache:
    """Keeps what was rendered until its version changes or ``max_age`` seconds passed.

    No lock: two threads that render at once make the same page, and the later one stays.
    """

    def __init__(
        self, max_age: float = math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_age = max_age
        self._clock = clock
        self._kept: dict[str, tuple[str, float, Representation]] = {}

    def get(self, name: str, version: str, render: Callable[[], str]) -> Representation:
        """The representation called ``name``, by ``render()`` when none is fresh."""
        kept = self._kept.get(name)
        if kept and kept[0] == version and self._clock() - kept[1] < self.max_age:
            return kept[2]
        body = render().encode()
        made = Representation(body, "text/html; charset=utf-8", images_allowed())
        if kept and kept[2].etag == made.etag:
            made = kept[2]  # its encodings are made already
        self._kept[name] = (version, self._clock(), made)
        return made
