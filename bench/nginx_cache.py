"""The front page from nginx's page cache and the same bytes as a plain file, by one nginx over TLS.

It runs as deploy/nginx configures it, so the page has all its headers and a line in the log.
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
HEAD = ("cached pages", "page a second", "file a second", "page of file", "p99 ms page · file")


def report(profile: Profile) -> str:
    """The table of one run. Aim: at least 0.7 times the plain file."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # nginx's workers are not root
        with rivals(folder) as nginx:
            return table(HEAD, rows(nginx, profile))


@contextmanager
def rivals(folder: Path) -> Iterator[ProxyServer]:
    """An nginx that serves both."""
    migrate(f"sqlite:///{folder}/migrated.db", folder)
    with proxy_server("nginx", folder / "front", folder / "migrated.db") as made:
        file = folder / "plain"
        with made.client() as visitor:
            asked = {"Accept-Encoding": "br"}
            with visitor.stream("GET", PAGE, headers=asked) as answer:
                file.write_bytes(b"".join(answer.iter_raw()))
        both = replace(made, port=free_port(), extra=LOCATION.format(path=FILE, file=file))
        with both.started():
            yield both


def rows(nginx: ProxyServer, profile: Profile) -> Iterator[list[str]]:
    """One row for each number of connections."""
    for connections in CONNECTIONS:
        results: dict[str, list[Result]] = {PAGE: [], FILE: []}
        for _ in range(profile.rounds):
            for path, measured in results.items():
                measured.append(wrk.read(nginx.url + path, connections, profile.seconds))
        page, file = (wrk.middle(measured) for measured in results.values())
        yield [
            f"{connections} connections",
            f"{page.rate:,.0f}",
            f"{file.rate:,.0f}",
            f"{page.rate / file.rate:.2f}x",
            f"{page.p99:.1f} · {file.p99:.1f}",
        ]
