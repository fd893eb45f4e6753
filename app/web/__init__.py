"""The manners of HTTP: headers, errors, limits, logs, caching. Knows no feature."""

from collections.abc import Callable, Hashable

from flask import Flask

from app.web import logging
from app.web.csp_reports import init_reports
from app.web.error_handlers import init_errors
from app.web.logging import RequestLog, RequestObserver
from app.web.page_cache import PageCache
from app.web.proxy import redirect_trailing_slashes, trust_proxies
from app.web.rate_limits import init_limiter
from app.web.request_body import init_bodies
from app.web.security_headers import init_headers
from app.web.static_files import init_assets
from app.web.trusted_hosts import init_trusted_hosts

MAX_BODY = 256 * 1024
MAX_FORM_PARTS = 50


def init_app(  # noqa: PLR0913  (each is one setting)
    app: Flask,
    *,
    secret: str,
    trusted_hosts: tuple[str, ...] | None = None,
    trusted_proxies: int = 0,
    hsts_subdomains: bool = False,
    ratelimit_enabled: bool = True,
    ratelimit_storage_uri: str = "memory://",
    log_format: str = "json",
    observe: RequestObserver | None = None,
    page_version: Callable[[], Hashable] = lambda: None,
    development: bool = False,
) -> None:
    """Join this room to the application, before the rooms that serve something.

    ``secret`` keys what is counted of visitors. Only ``trusted_hosts`` are answered, any host
    when it is None. ``trusted_proxies`` is how many
    proxies of ours stand in front: so many entries of ``X-Forwarded-*`` are believed, counted
    from the end. ``observe`` counts requests; cached pages are made again when
    ``page_version()`` changes.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
    )
    log = RequestLog(observe)
    app.wsgi_app = PageCache(app, page_version, log)  # type: ignore[method-assign]
    trust_proxies(app, trusted_proxies)  # outermost: whether it was https changes the headers
    logging.init_app(app, log_format=log_format, show_messages=development, log=log)
    init_trusted_hosts(app, trusted_hosts)
    init_headers(
        app,
        style_hash=init_assets(app),
        insist_on_https=not development,
        subdomains=hsts_subdomains,
    )
    init_errors(app)
    init_bodies(app)
    init_limiter(app, enabled=ratelimit_enabled, storage_uri=ratelimit_storage_uri, secret=secret)
    init_reports(app)
    redirect_trailing_slashes(app)
