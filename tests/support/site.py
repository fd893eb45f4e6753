"""Starts and stops a complete site in its own processes, as ``make run`` does."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from app.dev.maildir import list_messages
from config import ROOT, VARIABLE_NAMES
from tests.support.shared_work import share_maps

T = TypeVar("T")

METRICS_TOKEN = "only-for-tests-metrics"

TIMEOUT = 60.0  # seconds to start or stop on a busy machine
FREE_PORTS = range(20_000, 32_000)
MAKE_VARIABLES = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # the tests themselves may run under make


def free_port() -> int:
    """Return a port that is not in use.

    Below those that the system gives to outgoing connections (32768 and above on Linux): one
    of these could take the port before the server does.
    """
    while True:
        port = secrets.choice(FREE_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def eventually(condition: Callable[[], T | None], seconds: float = TIMEOUT, what: str = "") -> T:
    """Call ``condition`` until its result is true, and return it. Fails the test on a timeout."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what or condition.__name__}")
        time.sleep(0.05)
    return result


@dataclass(frozen=True)
class Site:
    """A running site. ``output`` is the file with its terminal output."""

    process: "subprocess.Popen[bytes]"
    url: str
    mailbox_port: int
    instance: Path
    output: Path

    @property
    def maildir(self) -> Path:
        return self.instance / "mailbox"

    @property
    def lines(self) -> list[str]:
        """The lines of the terminal output."""
        return self.output.read_text().splitlines()

    def messages(self) -> list[EmailMessage]:
        """Return the messages in the development mailbox, newest first."""
        return [received.message for received in list_messages(self.maildir)]

    def processes(self) -> list[psutil.Process]:
        """Return all processes of this site, orphans included, found by their INSTANCE_DIR."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def find(self, argument: str) -> list[psutil.Process]:
        """Return the processes with ``argument`` in their command, oldest first."""
        found = [process for process in self.processes() if argument in _command(process)]
        return sorted(found, key=psutil.Process.create_time)

    def mailer(self) -> psutil.Process | None:
        """Return the mailer's process, or None."""
        return next(iter(self.find("mailer")), None)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(process.environ().get("INSTANCE_DIR") == str(self.instance))
        except psutil.Error:
            return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return [Path(argument).name for argument in process.cmdline()]
    except psutil.Error:
        return []


def launch(instance: Path, *, command: list[str] | None = None, **env: str) -> Site:
    """Start a site in ``instance`` without waiting for it. ``env`` adds or replaces variables.

    It has one worker by default: each takes more than a second of processor time to start.
    """
    output = instance.with_suffix(".terminal")
    variables = {
        **{
            name: value
            for name, value in os.environ.items()
            if name not in VARIABLE_NAMES | MAKE_VARIABLES
        },
        "INSTANCE_DIR": str(instance),
        "PORT": str(free_port()),
        "MAILBOX_PORT": str(free_port()),
        "RATELIMIT_ENABLED": "false",
        "WEB_CONCURRENCY": "1",
        "SAMPLE_INQUIRIES": "off",
        **env,
    }
    output.unlink(missing_ok=True)
    with output.open("ab") as terminal:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "app.dev.run"],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{variables['PORT']}"
    return Site(process, url, int(variables["MAILBOX_PORT"]), instance, output)


@contextmanager
def running_site(instance: Path, command: list[str] | None = None, /, **env: str) -> Iterator[Site]:
    """Run a site during the block. Waits until it responds."""
    if "CLINIC_DIR" not in env:
        share_maps(instance)
    site = launch(instance, command=command, **env)
    try:
        eventually(lambda: _ready(site), what="the site responds")
        yield site
    finally:
        stop_site(site)


def flask(site: Site, *arguments: str) -> str:
    """Run a ``flask`` command with the settings of a site that `make run` started."""
    variables = {
        "INSTANCE_DIR": str(site.instance),
        "PORT": site.url.rpartition(":")[2],
        "MAILBOX_PORT": str(site.mailbox_port),
    }
    result = subprocess.run(
        [sys.executable, "-m", "app.dev.run", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
    )
    return result.stdout


def stop_site(site: Site) -> None:
    """Terminate ``site``, then kill the processes that remain."""
    site.process.terminate()
    try:
        site.process.wait(TIMEOUT)
    finally:
        for process in site.processes():
            process.kill()
        site.process.wait()


def _ready(site: Site) -> bool:
    lines = site.lines
    if site.process.poll() is not None:
        pytest.fail("the site did not start:\n" + "\n".join(lines))
    return any(line.startswith("Stop") for line in lines)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site that tests share. They may read pages and send inquiries."""
    instance = tmp_path_factory.mktemp("server") / "instance"
    with running_site(instance, METRICS_TOKEN=METRICS_TOKEN, WEB_CONCURRENCY="2") as site:
        yield site
