"""Load from one machine onto itself: wrk where it is installed, else a plain asyncio client.

wrk (C, one thread) uses a small part of one core. The asyncio client speaks
raw HTTP/1.1 in a process of its own; it is slower than nginx, so there its own
limit is measured. The table says which of them it was.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

WRK = shutil.which("wrk")
NAME = "wrk" if WRK else "asyncio client"
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Result:
    """``requests`` answered in ``seconds``; ``p50`` and ``p99`` in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def load(url: str, connections: int, seconds: int) -> Result:
    """Ask for ``url`` as fast as it goes on kept-alive connections."""
    return _wrk(url, connections, seconds) if WRK else _own(url, connections, seconds)


def _wrk(url: str, connections: int, seconds: int) -> Result:
    command = [str(WRK), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    told = subprocess.run(
        [*command, "-H", "Accept-Encoding: br", url], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(told)
    counted = re.search(r"(\d+) requests in ([\d.]+)(m?s)", told)
    assert counted
    return Result(
        int(counted[1]), float(counted[2]) * UNITS[counted[3]] / 1000, _at(told, 50), _at(told, 99)
    )


def _at(told: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", told)
    assert found
    return float(found[1]) * UNITS[found[2]]


def _own(url: str, connections: int, seconds: int) -> Result:
    command = [sys.executable, "-m", "bench.load", url, str(connections), str(seconds)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    times = sorted(float(one) for one in told.split())
    return Result(len(times), seconds, times[len(times) // 2], times[len(times) * 99 // 100])


async def _ask(url: str, until: float, times: list[float]) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    question = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: br\r\n\r\n"
    while (began := time.perf_counter()) < until:
        writer.write(question.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200"), head
        assert length, head
        await reader.readexactly(int(length[1]))
        times.append((time.perf_counter() - began) * 1000)
    writer.close()


async def _main(url: str, connections: int, seconds: int) -> None:
    times: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_ask(url, until, times) for _ in range(connections)))
    print(*times)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
