"""The front page from nginx's page cache, compared with the same bytes as a static file.

One nginx with TLS, configured as in deploy/nginx, serves both, so the page has all its headers
and a line in the access log.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import wrk
from bench.markdown import table
from bench.profiles import CONNECTIONS, Profile
from bench.wrk import Result
from tests.support.databases import migrate
from tests.support.proxy_servers import ProxyServer, proxy_server
from tests.support.site import free_port

PAGE, FILE = "/", "/plain"
LOCATION = """
location = {path} {{ alias {file}; default_type text/html; add_header Content-Encoding br; }}
"""
HEAD = ("cached pages", "pages per second", "files per second", "page vs. file",
        "p99 ms page · file")  # fmt: skip


def report(profile: Profile) -> str:
    """The goal is at least 0.7 times the static file."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # nginx's workers are not root
        with page_and_file(folder) as nginx:
            return table(HEAD, rows(nginx, profile))


@contextmanager
def page_and_file(folder: Path) -> Iterator[ProxyServer]:
    """Yield an nginx that serves both."""
    migrate(f"sqlite:///{folder}/migrated.db", folder)
    with proxy_server("nginx", folder / "front", folder / "migrated.db") as site:
        file = folder / "plain"
        with site.client() as client:
            headers = {"Accept-Encoding": "br"}
            with client.stream("GET", PAGE, headers=headers) as response:
                file.write_bytes(b"".join(response.iter_raw()))
        nginx = replace(site, port=free_port(), extra=LOCATION.format(path=FILE, file=file))
        with nginx.started():
            yield nginx


def rows(nginx: ProxyServer, profile: Profile) -> Iterator[list[str]]:
    """One row for each number of connections."""
    for connections in CONNECTIONS:
        results: dict[str, list[Result]] = {PAGE: [], FILE: []}
        for _ in range(profile.rounds):
            for path, measured in results.items():
                measured.append(wrk.get(nginx.url + path, connections, profile.seconds))
        page, file = (wrk.median_result(measured) for measured in results.values())
        yield [
            f"{connections} connections",
            f"{page.rate:,.0f}",
            f"{file.rate:,.0f}",
            f"{page.rate / file.rate:.2f}x",
            f"{page.p99:.1f} · {file.p99:.1f}",
        ]
