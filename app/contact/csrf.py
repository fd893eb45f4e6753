"""CSRF protection without a cookie.

Browsers report where a request comes from: ``Sec-Fetch-Site`` (all browsers since 2023), or
``Origin``, which older ones send with every POST. A client that sends neither is not a browser,
so no other site can make it send this. See docs/decisions/0002-no-visitor-cookie.md.
"""

from urllib.parse import urlsplit

from werkzeug.datastructures import Headers


def is_cross_site(headers: Headers | dict[str, str], own_urls: tuple[str, ...]) -> bool:
    """Whether a form was posted from a page of another site.

    ``own_urls`` are the URLs of this site, like ``https://clinic.example``.
    """
    if fetch_site := headers.get("Sec-Fetch-Site"):
        return fetch_site not in ("same-origin", "none")
    origin = headers.get("Origin", "null")
    return origin != "null" and _origin(origin) not in map(_origin, own_urls)


def sent_by_browser(headers: Headers | dict[str, str]) -> bool:
    """Whether a form post has one of the headers that every browser sends with it."""
    return "Sec-Fetch-Site" in headers or "Origin" in headers


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()
