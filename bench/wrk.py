"""HTTP load from wrk, with one thread, which uses a small part of one core."""

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
POST_SCRIPT = Path(__file__).with_name("post_inquiries.lua")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
TIMEOUT = 60  # seconds for one response
run_numbers = itertools.count(1)


@dataclass(frozen=True)
class Result:
    """``requests`` completed in ``seconds``. ``p50`` and ``p99`` are latencies in milliseconds.
    ``errors`` counts the responses that were neither 2xx nor 3xx.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def median_result(results: Sequence[Result]) -> Result:
    """Return the median of each figure over all rounds. Requests and errors are added up."""
    requests = sum(result.requests for result in results)
    return Result(
        requests=requests,
        seconds=requests / median(result.rate for result in results),
        p50=median(result.p50 for result in results),
        p99=median(result.p99 for result in results),
        errors=sum(result.errors for result in results),
    )


def get(url: str, connections: int, seconds: int) -> Result:
    """Request ``url`` as fast as possible over keep-alive connections."""
    return _without_errors(_wrk(url, connections, seconds, "-H", "Accept-Encoding: br"))


def post(
    url: str, encoding: str, connections: int, seconds: int, *, allow_errors: bool = False
) -> Result:
    """Post inquiries, each with a different message. ``encoding`` is "form" or "json"."""
    result = _wrk(
        url,
        connections,
        seconds,
        "-s",
        str(POST_SCRIPT),
        arguments=(encoding, str(next(run_numbers))),
    )
    return result if allow_errors else _without_errors(result)


def _without_errors(result: Result) -> Result:
    if result.errors or not result.requests:
        raise SystemExit(f"{result.errors} errors in {result.requests} responses")
    return result


def _wrk(
    url: str, connections: int, seconds: int, *options: str, arguments: tuple[str, ...] = ()
) -> Result:
    command = [WRK, "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT}s"]
    command += ["--latency", *options, url, *(("--", *arguments) if arguments else ())]
    output = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES},
    ).stdout
    if "Socket errors" in output:
        raise SystemExit(output)
    requests = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", output)
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    assert requests, output
    return Result(
        requests=int(requests[1]),
        seconds=float(requests[2]) * UNITS[requests[3]] / 1000,
        p50=_percentile(output, 50),
        p99=_percentile(output, 99),
        errors=int(errors[1]) if errors else 0,
    )


def _percentile(output: str, percent: int) -> float:
    match = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", output)
    assert match, output
    return float(match[1]) * UNITS[match[2]]
