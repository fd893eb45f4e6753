"""The front page, compared with a bare Flask view, a bare WSGI function and nginx.

In each round all servers take turns at each number of connections, so that a busy moment of the
machine affects all of them. The tables show the median of the rounds.
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
from bench.servers import Server, baseline, frontdesk, nginx

FLASK, WSGI = "bare Flask view", "bare WSGI function"
HEAD = ("server", "connections", "requests per second", "vs. bare Flask", "vs. bare WSGI", "p50 ms",
        "p99 ms", "CPU µs per request")  # fmt: skip
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "2"))


class Measurement(NamedTuple):
    """Requests per second, latencies in milliseconds, CPU microseconds per request."""

    rate: float
    p50: float
    p99: float
    cpu: float


def report(profile: Profile) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        all_servers(Path(folder)) as servers,
    ):
        results = measure(servers, profile)
        head = f"{WORKERS} workers, {len(front_page(servers[0])):,} bytes of Brotli.\n\n"
        return head + table(HEAD, rows(servers, results)) + "\n" + client_limit(servers[1], profile)


@contextmanager
def all_servers(folder: Path) -> Iterator[list[Server]]:
    """Frontdesk, and three servers that serve the same bytes."""
    with ExitStack() as stack:
        site = stack.enter_context(frontdesk(folder))
        body = folder / "page.br"
        for _ in range(20):  # until every worker has the smallest encoding
            wrk.get(site.url, 8, 1)
            body.write_bytes(front_page(site))
            if len(body.read_bytes()) == len(front_page(site)):
                break
        yield [
            site,
            stack.enter_context(baseline(WSGI, "wsgi_app", folder, BODY=str(body))),
            stack.enter_context(baseline(FLASK, "flask_app", folder, BODY=str(body))),
            stack.enter_context(nginx(body, WORKERS)),
        ]


def front_page(server: Server) -> bytes:
    page = urllib.request.Request(server.url, headers={"Accept-Encoding": "br"})
    with urllib.request.urlopen(page) as response:
        body = response.read()
    assert isinstance(body, bytes)
    return body


def measure(servers: list[Server], profile: Profile) -> dict[tuple[str, int], Measurement]:
    results: dict[tuple[str, int], list[Measurement]] = {}
    for _ in range(profile.rounds):
        for connections in CONNECTIONS:
            for server in servers:
                measurement = _measure_once(server, connections, profile.seconds)
                results.setdefault((server.name, connections), []).append(measurement)
    return {
        key: Measurement(*map(median, zip(*rounds, strict=True))) for key, rounds in results.items()
    }


def _measure_once(server: Server, connections: int, seconds: int) -> Measurement:
    before = server.cpu()
    result = wrk.get(server.url, connections, seconds)
    cpu = (server.cpu() - before) / result.requests * 1e6
    return Measurement(result.rate, result.p50, result.p99, cpu)


def rows(servers: list[Server], results: dict[tuple[str, int], Measurement]) -> Iterator[list[str]]:
    for connections in CONNECTIONS:
        for server in servers:
            result = results[server.name, connections]
            references = (results[name, connections].rate for name in (FLASK, WSGI))
            yield [
                server.name,
                str(connections),
                f"{result.rate:,.0f}",
                *(f"{result.rate / reference:.2f}x" for reference in references),
                f"{result.p50:.2f}",
                f"{result.p99:.2f}",
                f"{result.cpu:.0f}",
            ]


def client_limit(server: Server, profile: Profile) -> str:
    """How many posts the client can send to a server that reads and discards them."""
    result = wrk.post(server.url, "form", 8, profile.seconds)
    return f"Limit of the client: {result.rate:,.0f} posts per second to the bare WSGI function.\n"
