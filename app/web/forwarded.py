"""What our own reverse proxies say of a visitor: X-Forwarded-For and X-Forwarded-Proto.

Not by Werkzeug's ProxyFix: where a header has fewer entries than there are proxies, it falls back
to the address of a proxy, which all visitors share, and to HTTP.
"""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from flask import Flask, current_app, request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IPAddress = IPv4Address | IPv6Address
# Networks whose addresses end with the IPv4 address of the visitor: that of a socket for both
# families (RFC 4291, 2.5.5.2), and those of translators (RFC 6052, 2.1, and RFC 2765, 2.1).
EMBEDDING_IPV4 = tuple(map(ip_network, ("::ffff:0:0/96", "64:ff9b::/96", "::ffff:0:0:0/96")))


def init_forwarded(app: Flask, proxies: int) -> None:
    """Trust the entries of ``proxies`` proxies. Call this after all other WSGI middleware."""
    app.config["TRUSTED_PROXIES"] = proxies
    if proxies:
        app.wsgi_app = ForwardedScheme(app.wsgi_app, proxies)  # type: ignore[method-assign]


class ForwardedScheme:
    """Takes the scheme from X-Forwarded-Proto, to which a proxy adds an entry or not."""

    def __init__(self, wsgi_app: "WSGIApplication", proxies: int) -> None:
        self._wsgi_app = wsgi_app
        self._proxies = proxies

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        entries = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
        scheme = entries[-self._proxies :][0].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        return self._wsgi_app(environ, start_response)


def visitor_address() -> IPAddress | None:
    """Return the address of the visitor, or None if it is not known.

    It is the entry that the outermost of our TRUSTED_PROXIES wrote. An address of a proxy is
    never returned, because everybody behind it has the same.
    """
    entries, proxies = forwarded_entries(), current_app.config["TRUSTED_PROXIES"]
    if proxies:
        return parse_address(entries[-proxies]) if len(entries) >= proxies else None
    address = parse_address(request.remote_addr or "")
    # What comes from this machine with this header comes from a proxy that is not counted.
    return None if address and address.is_loopback and entries else address


def forwarded_entries() -> list[str]:
    """Return the entries of X-Forwarded-For, the visitor's first. Each proxy adds one."""
    header = request.headers.get("X-Forwarded-For", "")
    return header.split(",") if header else []


def parse_address(text: str) -> IPAddress | None:
    """Read an address in any form that proxies write: also with a port, in brackets or quotes
    (RFC 7239, section 6). An IPv4 address inside an IPv6 address is unwrapped.
    """
    text = text.strip(' \t"').partition("%")[0]  # without the zone of a link-local address
    for host in (text, text.rpartition(":")[0]):
        with suppress(ValueError):
            address = ip_address(host.strip("[]"))
            if any(address in network for network in EMBEDDING_IPV4):
                return IPv4Address(int(address) & 0xFFFFFFFF)
            return address
    return None


def network(address: IPAddress | None, prefixes: Mapping[int, int]) -> str:
    """Return the network of ``address``, "" if it is None. ``prefixes``: its bits by IP version."""
    return str(ip_network((address, prefixes[address.version]), strict=False)) if address else ""
