"""What the site costs when nobody asks: memory of all its processes, time to the first page."""

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
import time; began = time.perf_counter()
from wsgi import app
assert app.test_client().get("/").status_code == 200
print(time.perf_counter() - began)
"""


def report(_plan: Profile) -> str:
    """The memory of each process, and the time to the first page."""
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        frontdesk(Path(folder), MAIL_PORT="9") as server,
        _mailer(server) as mailer,
    ):
        _visit(server)
        memory = table(("process", "PSS MB"), _memory(server, mailer))
    return (
        f"{memory}\nFrom import to the first 200: {first_page():.2f} s (median of 5 processes).\n"
    )


def first_page() -> float:
    """Seconds, folder of compiled files and disk cache being warm."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        command = [sys.executable, "-c", FIRST_PAGE]
        env = environment(Path(folder))
        runs = [
            subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
            for _ in range(5)
        ]
    return median(float(run.stdout) for run in runs)


def _visit(server: Server) -> None:
    """Read every page a few times, as long as the map is being made by its passing process."""
    until = time.monotonic() + 60
    for turn in range(1000):
        for path in PATHS:
            asked = urllib.request.Request(server.url + path, headers={"Accept-Encoding": "br"})
            urllib.request.urlopen(asked).close()
        settled = turn >= 20 and not any(_builds_the_map(one) for one in server.tree())
        if settled or time.monotonic() > until:
            break
    time.sleep(3)  # the mailer has looked at its queue


def _builds_the_map(process: psutil.Process) -> bool:
    return "app.location.build_maps" in process.cmdline()


@contextmanager
def _mailer(server: Server) -> Iterator[psutil.Process]:
    """A mailer with the settings of ``server``, as long as it is wanted."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run"]
    with subprocess.Popen(command, cwd=ROOT, env=server.process.environ()) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _memory(server: Server, mailer: psutil.Process) -> Iterator[list[str]]:
    total = 0.0
    for name, processes in (("web", server.tree()), ("mailer", [mailer])):
        for process in processes:
            size = process.memory_full_info().pss / 1e6
            total += size
            yield [name, f"{size:.0f}"]
    yield ["all", f"{total:.0f}"]
