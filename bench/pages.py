"""The front page against its rivals: ``make bench-pages``. Prints Markdown tables.

Each round measures every server at every number of connections, in turn, so
that a slow moment of the machine meets all of them; the median of the rounds
is shown.
"""

import argparse
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import footprint
from bench.load import NAME, load
from bench.servers import NGINX, Server, bare, frontdesk, nginx

CONNECTIONS = (1, 8, 32)
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "2"))


class Measured(NamedTuple):
    """Requests a second, milliseconds, milliseconds, microseconds of processor time a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=3, help="of each measurement")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder, ExitStack() as stack:
        place = Path(folder)
        servers = stack.enter_context(rivals(place))
        found = measure(servers, chosen.rounds, chosen.seconds)
        report(servers, found, body_of(servers[0]))
    footprint.report()


@contextmanager
def rivals(folder: Path) -> Iterator[list[Server]]:
    """Frontdesk and those who serve the same bytes."""
    with ExitStack() as stack:
        first = stack.enter_context(frontdesk(folder))
        body = folder / "page.br"
        for _ in range(20):  # until the smallest encoding is made, in every worker
            load(first.url, 8, 1)
            body.write_bytes(body_of(first))
            if len(body.read_bytes()) == len(body_of(first)):
                break
        others = [
            stack.enter_context(bare("bare WSGI function", "in_wsgi", body)),
            stack.enter_context(bare("bare Flask view", "in_flask", body)),
        ]
        if NGINX:
            others.append(stack.enter_context(nginx(body, WORKERS)))
        yield [first, *others]


def body_of(server: Server) -> bytes:
    asked = urllib.request.Request(server.url, headers={"Accept-Encoding": "br"})
    with urllib.request.urlopen(asked) as answer:
        body = answer.read()
    assert isinstance(body, bytes)
    return body


def measure(servers: list[Server], rounds: int, seconds: int) -> dict[tuple[str, int], Measured]:
    found: dict[tuple[str, int], list[Measured]] = {}
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for server in servers:
                one = _once(server, connections, seconds)
                found.setdefault((server.name, connections), []).append(one)
    return {key: Measured(*map(median, zip(*many, strict=True))) for key, many in found.items()}


def _once(server: Server, connections: int, seconds: int) -> Measured:
    before = server.cpu()
    result = load(server.url, connections, seconds)
    spent = (server.cpu() - before) / result.requests * 1e6
    return Measured(result.rate, result.p50, result.p99, spent)


def report(servers: list[Server], found: dict[tuple[str, int], Measured], body: bytes) -> None:
    print(
        f"{os.cpu_count()} cores, {WORKERS} workers, load by {NAME}, {len(body):,} bytes Brotli\n"
    )
    print("| server | connections | requests/s | of bare Flask | of bare WSGI |", end="")
    print(" p50 ms | p99 ms | CPU µs/request |\n|---|" + "---:|" * 7)
    for connections in CONNECTIONS:
        for server in servers:
            one = found[server.name, connections]
            flask, wsgi = (
                f"{one.rate / found[rival, connections].rate:.2f}x"
                for rival in ("bare Flask view", "bare WSGI function")
            )
            print(
                f"| {server.name} | {connections} | {one.rate:,.0f} | {flask} | {wsgi} "
                f"| {one.p50:.2f} | {one.p99:.2f} | {one.cpu:.0f} |"
            )


if __name__ == "__main__":
    main()
