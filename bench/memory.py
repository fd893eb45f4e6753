"""Memory of all processes of an idle site, and the time until the first page."""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from bench.markdown import table
from bench.profiles import Profile
from bench.servers import ROOT, Server, environment, frontdesk

PATHS = ("", "first-visit", "after-your-infusion", "evidence", "questions", "location", "contact")
FIRST_PAGE = """
import time; started = time.perf_counter()
from wsgi import app
assert app.test_client().get("/").status_code == 200
print(time.perf_counter() - started)
"""


def report(_profile: Profile) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        frontdesk(Path(folder), MAIL_PORT="9") as server,
        _mailer(server) as mailer,
    ):
        _warm_up(server)
        memory = table(("process", "PSS MB"), _memory(server, mailer))
    return (
        f"{memory}\nFrom import to the first 200: {first_page():.2f} s (median of 5 processes).\n"
    )


def first_page() -> float:
    """Return the seconds from import to the first page, with compiled files in the disk cache."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        command = [sys.executable, "-c", FIRST_PAGE]
        env = environment(Path(folder))
        runs = [
            subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
            for _ in range(5)
        ]
    return median(float(run.stdout) for run in runs)


def _warm_up(server: Server) -> None:
    """Request every page at least 20 times, and until the process that builds the maps ends."""
    deadline = time.monotonic() + 60
    for round_ in range(1000):
        for path in PATHS:
            page = urllib.request.Request(server.url + path, headers={"Accept-Encoding": "br"})
            urllib.request.urlopen(page).close()
        idle = round_ >= 20 and not any(map(_builds_maps, server.processes()))
        if idle or time.monotonic() > deadline:
            break
    time.sleep(3)  # the mailer has polled its queue by now


def _builds_maps(process: psutil.Process) -> bool:
    return "app.location.build_maps" in process.cmdline()


@contextmanager
def _mailer(server: Server) -> Iterator[psutil.Process]:
    """Yield a mailer with the settings of ``server``."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run"]
    with subprocess.Popen(command, cwd=ROOT, env=server.process.environ()) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _memory(server: Server, mailer: psutil.Process) -> Iterator[list[str]]:
    total = 0.0
    for name, processes in (("web", server.processes()), ("mailer", [mailer])):
        for process in processes:
            size = process.memory_full_info().pss / 1e6
            total += size
            yield [name, f"{size:.0f}"]
    yield ["all", f"{total:.0f}"]
