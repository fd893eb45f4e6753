"""Load from one machine onto itself, by wrk: one thread of C, a small part of one core."""

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

UNPACKED = Path(__file__).parents[1] / "build" / "wrk" / "usr"  # `make wrk`
WRK = shutil.which("wrk") or str(UNPACKED / "bin" / "wrk")
LIBRARIES = ":".join(map(str, (UNPACKED / "lib").glob("*-linux-gnu")))
POST = Path(__file__).with_name("post_inquiries.lua")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
TIMEOUT = 60  # seconds for one answer
numbers = itertools.count(1)


@dataclass(frozen=True)
class Result:
    """``requests`` answered in ``seconds``; ``p50`` and ``p99`` in milliseconds; ``errors``
    of the answers were neither 2xx nor 3xx.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def middle(many: Sequence[Result]) -> Result:
    """The median of the rounds, figure by figure; errors are summed up."""
    return Result(
        requests=sum(one.requests for one in many),
        seconds=sum(one.requests for one in many) / median(one.rate for one in many),
        p50=median(one.p50 for one in many),
        p99=median(one.p99 for one in many),
        errors=sum(one.errors for one in many),
    )


def read(url: str, connections: int, seconds: int) -> Result:
    """Ask for ``url`` as fast as it goes on kept-alive connections."""
    return _good(_wrk(url, connections, seconds, "-H", "Accept-Encoding: br"))


def post(url: str, kind: str, connections: int, seconds: int, *, may_fail: bool = False) -> Result:
    """Send inquiries, no two alike, as a "form" or as "json"."""
    result = _wrk(url, connections, seconds, "-s", str(POST), after=(kind, str(next(numbers))))
    return result if may_fail else _good(result)


def _good(result: Result) -> Result:
    if result.errors or not result.requests:
        raise SystemExit(f"{result.errors} errors in {result.requests} answers")
    return result


def _wrk(
    url: str, connections: int, seconds: int, *options: str, after: tuple[str, ...] = ()
) -> Result:
    command = [WRK, "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT}s"]
    command += ["--latency", *options, url, *(("--", *after) if after else ())]
    told = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES},
    ).stdout
    if "Socket errors" in told:
        raise SystemExit(told)
    counted = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", told)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    assert counted, told
    return Result(
        requests=int(counted[1]),
        seconds=float(counted[2]) * UNITS[counted[3]] / 1000,
        p50=_at(told, 50),
        p99=_at(told, 99),
        errors=int(failed[1]) if failed else 0,
    )


def _at(told: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", told)
    assert found, told
    return float(found[1]) * UNITS[found[2]]
