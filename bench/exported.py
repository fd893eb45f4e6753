"""The exported front page beside a plain file of the same size, by one nginx over TLS.

It runs as deploy/nginx configures it, so the page bears all its headers and has a log line.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import load
from bench.load import Result
from bench.plan import CONNECTIONS, Plan
from bench.report import table
from tests.support.databases import migrate
from tests.support.front import Front, front
from tests.support.site import free_port

PAGE, FILE = "/", "/plain"
# With a log as the page has one, and the media type that the page has.
LOCATION = """
location = {path} {{ alias {file}; default_type text/html; add_header Content-Encoding br; }}
"""
HEAD = ("exported pages", "page a second", "file a second", "page of file", "p99 ms page · file")


def report(plan: Plan) -> str:
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # nginx's workers are not root
        with rivals(folder) as nginx:
            return table(HEAD, rows(nginx, plan))


@contextmanager
def rivals(folder: Path) -> Iterator[Front]:
    """An nginx that gives both."""
    migrate(f"sqlite:///{folder}/migrated.db", folder)
    with front("nginx", folder / "front", folder / "migrated.db") as pages:
        with pages.client() as visitor:
            answer = visitor.head(PAGE, headers={"Accept-Encoding": "br"})
        file = folder / "plain"
        file.write_bytes(os.urandom(int(answer.headers["Content-Length"])))
        rules = pages.rules + LOCATION.format(path=FILE, file=file)
        both = replace(pages, port=free_port(), rules=rules)
        with both.started():
            yield both


def rows(nginx: Front, plan: Plan) -> Iterator[list[str]]:
    for connections in CONNECTIONS:
        found: dict[str, list[Result]] = {PAGE: [], FILE: []}
        for _ in range(plan.rounds):
            for path, many in found.items():
                many.append(load.read(nginx.url + path, connections, plan.seconds))
        page, file = (load.middle(many) for many in found.values())
        yield [
            f"{connections} connections",
            f"{page.rate:,.0f}",
            f"{file.rate:,.0f}",
            f"{page.rate / file.rate:.2f}x",
            f"{page.p99:.1f} · {file.p99:.1f}",
        ]
