"""The page cache: public responses kept as bytes, compressed once.

A view returns ``public_response(...)`` for anything that is the same for every visitor. The
cache keeps that response with all its headers and answers further requests for the same path
without Flask, until ``version()`` changes (on a new date, for example). Such an answer is
counted for /metrics. It is not logged and has no request id: the proxy logs it.
"""

import gzip
import hashlib
import time
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import brotli
from flask import Flask, Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags, remove_entity_headers
from werkzeug.wrappers import Response as BaseResponse

from app.web.logging import RequestObserver
from app.web.trusted_hosts import host_is_trusted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HTML = "text/html; charset=utf-8"
# Values of Cache-Control.
PAGE_CACHE_CONTROL = "public, max-age=30, must-revalidate"
ONE_DAY = "public, max-age=86400"
ONE_YEAR = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
PROXY_CACHE_SECONDS = "20"  # how long nginx may keep a public response before it asks again
ROUTES = "frontdesk.public_routes"  # WSGI environ key: a list for the URL rule of the response
COMPRESSIBLE = ("text/", "image/svg+xml", "application/json", "application/problem+json",
                "application/xml")  # fmt: skip
# At level 11 Brotli needs half a second for a body larger than this.
LARGE_BODY = 100_000  # bytes

Headers = list[tuple[str, str]]


def public_response(body: str | bytes, media_type: str, cache_control: str) -> Response:
    """Return a response that is the same for every visitor, to be cached here and in nginx."""
    response = Response(body, content_type=media_type)
    response.headers["Cache-Control"] = cache_control
    assert request.url_rule
    request.environ.get(ROUTES, []).append(request.url_rule.rule)
    return response


def proxy_may_cache(query: str, cache_control: str) -> bool:
    """Whether nginx may cache a public response. It must not cache arbitrary queries."""
    return not query or "immutable" in cache_control


@lru_cache(maxsize=128)
def preferred_encoding(accept_encoding: str) -> str:
    """Return ``br``, ``gzip`` or ``""`` for an Accept-Encoding header."""
    return parse_accept_header(accept_encoding, Accept).best_match(("br", "gzip"), "")


class CachedResponse:
    """One public response in every encoding. Each encoding is created on first use."""

    def __init__(self, response: BaseResponse, route: str) -> None:
        self.route = route
        self.cache_control = response.headers["Cache-Control"]
        self.is_file = self.cache_control == REVALIDATE  # without its fingerprint
        self._body = response.get_data()
        self._media_type = response.headers["Content-Type"]
        self.compressible = self._media_type.startswith(COMPRESSIBLE)
        # Weak, because one tag stands for all encodings of the body.
        self.etag = f'W/"{hashlib.sha256(self._body).hexdigest()[:20]}"'
        variable = ("X-Request-Id", "Content-Length")
        self._headers = [header for header in response.headers if header[0] not in variable]
        self._headers.append(("ETag", self.etag))
        if self.compressible:
            self._headers.append(("Vary", "Accept-Encoding"))
        self._not_modified = list(self._headers)
        remove_entity_headers(self._not_modified)
        self._encoded: dict[str, tuple[Headers, bytes]] = {}

    def select(self, environ: "WSGIEnvironment") -> tuple[str, Headers, bytes]:
        """Return status, headers and body for the request in ``environ``."""
        condition = environ.get("HTTP_IF_NONE_MATCH")
        if condition and parse_etags(condition).contains_raw(self.etag):
            return "304 NOT MODIFIED", self._not_modified, b""
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        headers, body = self._encode(preferred_encoding(accepted) if self.compressible else "")
        if proxy_may_cache(environ.get("QUERY_STRING", ""), self.cache_control):
            # Before Cache-Control: some versions of nginx take the first of the two.
            headers = [("X-Accel-Expires", PROXY_CACHE_SECONDS), *headers]
        return "200 OK", headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body

    def _encode(self, encoding: str) -> tuple[Headers, bytes]:
        if encoding not in self._encoded:
            body = self._compressed(encoding)
            encoding_header = [("Content-Encoding", encoding)] if encoding else []
            headers = [*self._headers, *encoding_header, ("Content-Length", str(len(body)))]
            self._encoded[encoding] = headers, body
        return self._encoded[encoding]

    def _compressed(self, encoding: str) -> bytes:
        if encoding == "br":
            level = 9 if len(self._body) > LARGE_BODY else 11
            compressed: bytes = brotli.compress(self._body, quality=level)
            return compressed
        return gzip.compress(self._body, 9, mtime=0) if encoding == "gzip" else self._body


class PageCache:
    """WSGI middleware, shared by threads. Two may create the same entry at the same time."""

    def __init__(
        self, app: Flask, version: Callable[[], Hashable], observe: RequestObserver | None
    ) -> None:
        self._app = app
        self._wsgi_app = app.wsgi_app
        self._version = version
        self._observe = observe
        self._entries: tuple[Hashable, dict[str, CachedResponse]] = (None, {})

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        started = time.perf_counter()
        method = environ["REQUEST_METHOD"]
        trusted = host_is_trusted(environ.get("HTTP_HOST"), self._app.config["OWN_HOSTS"])
        if method not in ("GET", "HEAD") or not trusted:  # Flask refuses other hosts
            return self._wsgi_app(environ, start_response)
        page, exact = _keys(environ)
        entries = self._current_entries()
        cached = entries.get(exact) or entries.get(page)
        if cached and cached.is_file and "?v=" in exact:
            cached = None  # the current fingerprint has other headers than the plain path
        if cached is None:
            return self._call_flask(environ, start_response, entries, page, exact)
        status, headers, body = cached.select(environ)
        start_response(status, headers)
        if self._observe:
            self._observe(cached.route, int(status[:3]), time.perf_counter() - started)
        return [body]

    def _call_flask(
        self,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        entries: dict[str, CachedResponse],
        page: str,
        exact: str,
    ) -> Iterable[bytes]:
        """Let Flask respond, and cache a public response."""
        routes: list[str] = []
        inner = {**environ, "REQUEST_METHOD": "GET", ROUTES: routes}  # HEAD has no body to cache
        response = BaseResponse.from_app(self._wsgi_app, inner, buffered=True)
        if response.status_code != HTTPStatus.OK or not routes:
            return response(environ, start_response)
        cached = CachedResponse(response, routes[0])
        # A query changes nothing about a page. Only a file's fingerprint stands for other bytes.
        key = exact if "immutable" in cached.cache_control else page
        cached = entries.setdefault(key, cached)  # which may have been compressed already
        status, headers, body = cached.select(environ)
        start_response(status, headers)
        return [body]

    def _current_entries(self) -> dict[str, CachedResponse]:
        version = self._version()
        if self._entries[0] != version:
            self._entries = version, {}
        return self._entries[1]


def _keys(environ: "WSGIEnvironment") -> tuple[str, str]:
    """Return cache keys for the path, and for path and query. HTTPS changes the headers."""
    page = f"{environ['wsgi.url_scheme']}:{environ['PATH_INFO']}"
    return page, f"{page}?{environ.get('QUERY_STRING', '')}"
