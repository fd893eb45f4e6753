"""Did another site make the browser send this? Told without a cookie.

Browsers say it themselves: ``Sec-Fetch-Site`` (all since 2023), or ``Origin``
with every POST before. A client that sends neither is no browser that could
be misused. See docs/decisions/0002-no-visitor-cookie.md.
"""

from urllib.parse import urlsplit

from werkzeug.datastructures import Headers


def is_cross_site(headers: Headers | dict[str, str], own: tuple[str, ...]) -> bool:
    """Whether a form post comes from a page that is not ours.

    ``own`` are our addresses (``https://clinic.example``).
    """
    if fetched := headers.get("Sec-Fetch-Site"):
        return fetched not in ("same-origin", "none")
    origin = headers.get("Origin")
    if origin in (None, "null"):
        return False
    return _origin(origin or "") not in {_origin(address) for address in own}


def sent_by_browser(headers: Headers | dict[str, str]) -> bool:
    """Whether a form post has one of the headers that every browser sends with it."""
    return "Sec-Fetch-Site" in headers or "Origin" in headers


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme.lower(), parts.netloc.lower()
