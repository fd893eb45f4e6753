"""``flask cache``: fill the page cache of the web server in front."""

import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from app.services import current_services
from app.web.error_handlers import UNAVAILABLE_PATHS

if TYPE_CHECKING:
    import httpx

START = ("/sitemap.xml", "/robots.txt", "/.well-known/security.txt", *UNAVAILABLE_PATHS)
NAMES_ADDRESSES = ("text/html", "application/json", "application/xml")  # types worth reading
ENCODINGS = ("identity", "gzip", "br")
TIMEOUT = 30.0  # seconds for each request


@click.group()
def cache() -> None:
    """Manage the page cache of the web server in front."""


@cache.command(epilog="Example: flask --app wsgi cache warm --address 127.0.0.1")
@click.option("--address", metavar="HOST", help="Connect to HOST, not to the host of BASE_URL.")
@with_appcontext
def warm(address: str | None) -> None:
    """Request every page and file once, so that the cache can serve it.

    The requests go to BASE_URL, through the web server in front. The addresses are those
    in sitemap.xml and those that the pages name. Each one is requested in Brotli, in
    gzip, and uncompressed.
    """
    import httpx  # noqa: PLC0415  (20 MB, needed by few commands)

    site = current_services().settings.site_url
    try:
        with _client(site, address) as client:
            paths = _crawl(client, site)
            for encoding in ENCODINGS[1:]:
                for path in paths:
                    _get(client, path, encoding)
    except httpx.HTTPError as error:
        raise click.ClickException(f"{site} does not answer: {error}") from None
    click.echo(f"{site}: {len(paths)} addresses requested in {len(ENCODINGS)} encodings")


def _client(site: str, address: str | None) -> "httpx.Client":
    """A client for ``site`` that connects to ``address`` if there is one."""
    import httpx  # noqa: PLC0415  (see above)

    parts = urlsplit(site)
    port = f":{parts.port}" if parts.port else ""
    return httpx.Client(
        base_url=f"{parts.scheme}://{address}{port}" if address else site,
        headers={"Host": parts.netloc},
        verify=ssl.create_default_context(),
        timeout=TIMEOUT,
        trust_env=False,
    )


def _crawl(client: "httpx.Client", site: str) -> list[str]:
    """Request every address that can be reached from START; returns those that exist."""
    seen, waiting, existing = set(START), list(START), []
    while waiting:
        path = waiting.pop()
        answer = _get(client, path, ENCODINGS[0])
        if answer.status_code != 200:
            continue
        existing.append(path)
        if answer.headers.get("Content-Type", "").startswith(NAMES_ADDRESSES):
            new = _addresses(answer.text, site) - seen
            seen |= new
            waiting += new
    return existing


def _get(client: "httpx.Client", path: str, encoding: str) -> "httpx.Response":
    host = urlsplit(f"//{client.headers['Host']}").hostname
    return client.get(
        path, headers={"Accept-Encoding": encoding}, extensions={"sni_hostname": host}
    )


def _addresses(text: str, site: str) -> set[str]:
    """The paths on ``site`` in attributes, JSON strings, and the sitemap, with their queries."""
    found = re.findall(rf"""(?:["']|<loc>)({re.escape(site)})?(/[^\s"'#<>{{}}\\]*)""", text)
    return {path for whole, path in found if whole or not path.startswith("//")}
