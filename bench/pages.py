"""The front page against its rivals.

Each round measures every server at every number of connections, in turn, so
that a slow moment of the machine meets all of them; the median of the rounds
is shown.
"""

import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import wrk
from bench.markdown import table
from bench.profiles import CONNECTIONS, Profile
from bench.servers import Server, bare, frontdesk, nginx

FLASK, WSGI = "bare Flask view", "bare WSGI function"
HEAD = ("pages", "connections", "requests a second", "of bare Flask", "of bare WSGI", "p50 ms",
        "p99 ms", "CPU µs a request")  # fmt: skip
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "2"))


class Measured(NamedTuple):
    """Requests a second, milliseconds, milliseconds, microseconds of processor time a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


def report(profile: Profile) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        rivals(Path(folder)) as servers,
    ):
        found = measure(servers, profile)
        told = f"{WORKERS} workers, {len(body_of(servers[0])):,} bytes Brotli.\n\n"
        return told + table(HEAD, rows(servers, found)) + "\n" + ceiling(servers[1], profile)


@contextmanager
def rivals(folder: Path) -> Iterator[list[Server]]:
    """Frontdesk and those who serve the same bytes."""
    with ExitStack() as stack:
        first = stack.enter_context(frontdesk(folder))
        body = folder / "page.br"
        for _ in range(20):  # until the smallest encoding is made, in every worker
            wrk.read(first.url, 8, 1)
            body.write_bytes(body_of(first))
            if len(body.read_bytes()) == len(body_of(first)):
                break
        others = [
            stack.enter_context(bare(WSGI, "in_wsgi", folder, BODY=str(body))),
            stack.enter_context(bare(FLASK, "in_flask", folder, BODY=str(body))),
        ]
        others.append(stack.enter_context(nginx(body, WORKERS)))
        yield [first, *others]


def body_of(server: Server) -> bytes:
    asked = urllib.request.Request(server.url, headers={"Accept-Encoding": "br"})
    with urllib.request.urlopen(asked) as answer:
        body = answer.read()
    assert isinstance(body, bytes)
    return body


def measure(servers: list[Server], profile: Profile) -> dict[tuple[str, int], Measured]:
    found: dict[tuple[str, int], list[Measured]] = {}
    for _ in range(profile.rounds):
        for connections in CONNECTIONS:
            for server in servers:
                one = _once(server, connections, profile.seconds)
                found.setdefault((server.name, connections), []).append(one)
    return {key: Measured(*map(median, zip(*many, strict=True))) for key, many in found.items()}


def _once(server: Server, connections: int, seconds: int) -> Measured:
    before = server.cpu()
    result = wrk.read(server.url, connections, seconds)
    spent = (server.cpu() - before) / result.requests * 1e6
    return Measured(result.rate, result.p50, result.p99, spent)


def rows(servers: list[Server], found: dict[tuple[str, int], Measured]) -> Iterator[list[str]]:
    for connections in CONNECTIONS:
        for server in servers:
            one = found[server.name, connections]
            rivals = (found[rival, connections].rate for rival in (FLASK, WSGI))
            yield [
                server.name,
                str(connections),
                f"{one.rate:,.0f}",
                *(f"{one.rate / rival:.2f}x" for rival in rivals),
                f"{one.p50:.2f}",
                f"{one.p99:.2f}",
                f"{one.cpu:.0f}",
            ]


def ceiling(server: Server, profile: Profile) -> str:
    """The client's own limit on posts: the server reads each one and does nothing."""
    one = wrk.post(server.url, "form", 8, profile.seconds)
    return f"Posts to the bare WSGI function: {one.rate:,.0f} a second, so much the client can.\n"
