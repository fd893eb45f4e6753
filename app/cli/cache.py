"""``flask cache``: fill the page cache of the reverse proxy."""

import re
import ssl
from urllib.parse import urlsplit

import click
import httpx
from flask.cli import AppGroup

from app.services import current_services
from app.web.error_handlers import UNAVAILABLE_PATHS

START_PATHS = ("/sitemap.xml", "/robots.txt", "/.well-known/security.txt", *UNAVAILABLE_PATHS)
LINKING_TYPES = ("text/html", "application/json", "application/xml")  # searched for addresses
ENCODINGS = ("identity", "gzip", "br")
TIMEOUT = 30.0  # seconds for each request


cache = AppGroup("cache", help="Manage the page cache of the reverse proxy.")


@cache.command(epilog="Example: flask cache warm --address 127.0.0.1")
@click.option("--address", metavar="HOST", help="Connect to HOST instead of the host of BASE_URL.")
def warm(address: str | None) -> None:
    """Request every page and file once, so that the cache can serve it.

    Requests go to BASE_URL, through the proxy, for every address in sitemap.xml and in the
    pages, each in Brotli, in gzip and uncompressed.
    """
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


def _client(site: str, address: str | None) -> httpx.Client:
    """Return a client for ``site`` that connects to ``address`` if given."""
    parts = urlsplit(site)
    port = f":{parts.port}" if parts.port else ""
    return httpx.Client(
        base_url=f"{parts.scheme}://{address}{port}" if address else site,
        headers={"Host": parts.netloc},
        verify=ssl.create_default_context(),
        timeout=TIMEOUT,
        trust_env=False,
    )


def _crawl(client: httpx.Client, site: str) -> list[str]:
    """Request every address that can be reached from START_PATHS. Returns those that exist."""
    seen, queue, existing = set(START_PATHS), list(START_PATHS), []
    while queue:
        path = queue.pop()
        response = _get(client, path, ENCODINGS[0])
        if response.status_code != 200:
            continue
        existing.append(path)
        if response.headers.get("Content-Type", "").startswith(LINKING_TYPES):
            new = _linked_paths(response.text, site) - seen
            seen |= new
            queue += new
    return existing


def _get(client: httpx.Client, path: str, encoding: str) -> httpx.Response:
    host = urlsplit(f"//{client.headers['Host']}").hostname
    return client.get(
        path, headers={"Accept-Encoding": encoding}, extensions={"sni_hostname": host}
    )


def _linked_paths(text: str, site: str) -> set[str]:
    """Return the paths on ``site`` in attributes, JSON strings and the sitemap, with queries."""
    matches = re.findall(rf"""(?:["']|<loc>)({re.escape(site)})?(/[^\s"'#<>{{}}\\]*)""", text)
    return {path for origin, path in matches if origin or not path.startswith("//")}
