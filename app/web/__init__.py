"""HTTP for every page: security headers, errors, limits, logging, caching."""

from collections.abc import Callable, Hashable

from flask import Flask

from app.web import logging
from app.web.error_handlers import init_error_handlers
from app.web.forwarded import init_forwarded
from app.web.logging import RequestObserver
from app.web.page_cache import PageCache
from app.web.rate_limits import init_rate_limits
from app.web.redirects import redirect_trailing_slashes
from app.web.request_body import init_request_body
from app.web.security_headers import init_security_headers
from app.web.static_files import init_static_files
from app.web.trusted_hosts import init_trusted_hosts

MAX_BODY = 256 * 1024
MAX_FORM_PARTS = 50


def init_app(  # noqa: PLR0913  (each is one setting)
    app: Flask,
    *,
    secret_key: str,
    trusted_hosts: tuple[str, ...] | None = None,
    trusted_proxies: int = 0,
    hsts_subdomains: bool = False,
    ratelimit_enabled: bool = True,
    ratelimit_storage_uri: str = "memory://",
    log_format: str = "json",
    theme_css: str = "",
    observe: RequestObserver | None = None,
    page_version: Callable[[], Hashable] = lambda: None,
    development: bool = False,
) -> None:
    """Register this package. Call it before the feature packages.

    ``secret_key`` keys the hashes of visitors' addresses. ``trusted_hosts`` are the host names
    that are answered, None for any. ``trusted_proxies`` is the number of our own proxies: so many
    entries of ``X-Forwarded-*`` are trusted, counted from the end. ``theme_css`` changes the site's
    colors. ``observe`` is called for each request. Cached pages are rendered again when
    ``page_version()`` changes.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
    )
    app.wsgi_app = PageCache(app, page_version, observe)  # type: ignore[method-assign]
    init_forwarded(app, trusted_proxies)  # around the cache, because HTTPS changes the headers
    logging.init_app(app, log_format=log_format, show_messages=development, observe=observe)
    init_trusted_hosts(app, trusted_hosts)
    init_security_headers(
        app,
        style_hash=init_static_files(app, theme_css),
        hsts=not development,
        hsts_subdomains=hsts_subdomains,
    )
    init_error_handlers(app)
    init_request_body(app)
    init_rate_limits(
        app, enabled=ratelimit_enabled, storage_uri=ratelimit_storage_uri, secret_key=secret_key
    )
    redirect_trailing_slashes(app)
