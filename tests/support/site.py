"""The whole site in processes of its own, started and ended as ``make run`` does."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from app.dev.maildir import list_messages
from config import ROOT, SECRETS, Settings

T = TypeVar("T")

METRICS_TOKEN = "only-for-tests-metrics"

PATIENCE = 60.0  # seconds for a start or an end, on a busy machine
SETTING_VARIABLES = {name.upper() for name in Settings.model_fields} | {
    f"{name}_FILE" for name in SECRETS
}
MAKE_VARIABLES = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # the tests may run under make themselves


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def eventually(ask: Callable[[], T | None], seconds: float = PATIENCE, what: str = "") -> T:
    """The first true answer of ``ask``; fails the test when there is none in time."""
    until = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds:g} s: {what or ask.__name__}")
        time.sleep(0.05)
    return answer


@dataclass(frozen=True)
class Site:
    """A running site. ``output`` is the file that its terminal output went to."""

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
        """What the terminal shows."""
        return self.output.read_text().splitlines()

    def messages(self) -> list[EmailMessage]:
        """What the development mailbox got, newest first."""
        return [mail.message for mail in list_messages(self.maildir)]

    def processes(self) -> list[psutil.Process]:
        """All processes of this site, orphans too: they share its INSTANCE_DIR."""
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def find(self, word: str) -> list[psutil.Process]:
        """The processes with ``word`` in their command, the oldest first."""
        return sorted(
            (one for one in self.processes() if word in _command(one)),
            key=lambda one: one.create_time(),
        )

    def mailer(self) -> psutil.Process | None:
        """The mailer's process; None while there is none."""
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
        return [Path(word).name for word in process.cmdline()]
    except psutil.Error:
        return []


def launch(instance: Path, *, command: list[str] | None = None, **env: str) -> Site:
    """Start a site in ``instance`` and return at once. ``env`` adds or replaces variables."""
    output = instance.with_suffix(".terminal")
    variables = {
        **{
            name: value
            for name, value in os.environ.items()
            if name not in SETTING_VARIABLES | MAKE_VARIABLES
        },
        "INSTANCE_DIR": str(instance),
        "PORT": str(free_port()),
        "MAILBOX_PORT": str(free_port()),
        "RATELIMIT_ENABLED": "false",
        **env,
    }
    output.unlink(missing_ok=True)
    with output.open("ab") as terminal:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "app.dev.environment"],
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
def running_site(instance: Path, *, command: list[str] | None = None, **env: str) -> Iterator[Site]:
    """A site that answers; ended, with all its processes, on leaving."""
    site = launch(instance, command=command, **env)
    try:
        eventually(lambda: _ready(site), what="the site answers")
        yield site
    finally:
        stop_site(site)


def stop_site(site: Site) -> None:
    """End ``site``, by force what does not go by itself."""
    site.process.terminate()
    try:
        site.process.wait(PATIENCE)
    finally:
        for one in site.processes():
            one.kill()
        site.process.wait()


def _ready(site: Site) -> bool:
    lines = site.lines
    if site.process.poll() is not None:
        pytest.fail("the site did not start:\n" + "\n".join(lines))
    return any(line.startswith("Stop") for line in lines)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One running site for all tests that only look and write."""
    instance = tmp_path_factory.mktemp("server") / "instance"
    with running_site(instance, METRICS_TOKEN=METRICS_TOKEN) as site:
        yield site
