"""The site in real processes with a mail server, for one fault scenario."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from app.clinic import load_clinic
from app.database import Database
from app.encryption import KeyRing
from app.outbox.models import OutboxMessage
from config import ROOT, VARIABLE_NAMES
from tests.faults.clients import Load, Submission
from tests.faults.database_servers import DatabaseServer
from tests.faults.delivery_check import Message, read_message
from tests.faults.fault_plan import VARIABLE, FaultPlan
from tests.support.settings import ENCRYPTION_KEY, environment
from tests.support.site import MAKE_VARIABLES, free_port
from tests.support.smtp_relay import Relay

ENTRY = Path(__file__).with_name("entry")
GUNICORN = (sys.executable, "-m", "gunicorn", "--log-level", "warning")
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
MAILER = (*FLASK, "mailer", "run", "--name")
RESTART_PAUSE = 0.1  # seconds


class NotInTimeError(Exception):
    """A condition that the scenario waited for was not met in time."""


class CommandFailedError(Exception):
    """A command of the site failed."""


class UnavailableError(Exception):
    """This machine lacks something that the scenario needs."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTimeError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


@dataclass
class _Service:
    """A command that is kept running, and its current process."""

    command: tuple[str, ...]
    process: "subprocess.Popen[bytes]"


class SiteUnderTest:
    """The site, its mail server and its clients in one scenario.

    A scenario sets ``injected`` to the number of faults and, if duplicates may occur,
    ``duplicates_allowed``. The runner then drains the outbox, checks the deliveries and closes
    the site.
    """

    def __init__(self, folder: Path, server: DatabaseServer, cache: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.server = server
        self.instance = folder / "instance"
        self.instance.mkdir()
        cache.mkdir(exist_ok=True)
        self.cache = cache
        (self.instance / "cache").symlink_to(cache)
        self.url = server.create(folder)
        self.relay = Relay()
        self.relay_port = self.relay.port
        self.port = free_port()
        self.plan = FaultPlan(journal=str(folder / "journal"))
        self.env: dict[str, str] = {}
        self.submissions: list[Submission] = []
        self.injected = 0
        self.duplicates_allowed = 0
        self.drain_seconds = 60.0
        self.rows_may_be_missing = False
        self.other_messages: Callable[[], list[Message]] = list
        self.at_end = ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._services: list[_Service] = []
        self._supervisor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._abandoned = False
        self._output = (folder / "terminal").open("ab")
        self._database: Database | None = None
        self.at_end.callback(self._output.close)

    @property
    def database(self) -> Database:
        """The tests' own connection to the site's database."""
        if self._database is None:
            self._database = Database(self.url, KeyRing([ENCRYPTION_KEY]))
            self.at_end.callback(self._database.engine.dispose)
        return self._database

    def change_clinic(self, change: Callable[[str], str]) -> None:
        """Let the site use a copy of the demo clinic, whose clinic.toml is what ``change`` returns
        for the original.
        """
        folder = self.folder / "clinic"
        folder.mkdir()
        for path in (ROOT / "clinic").iterdir():
            if path.name != "clinic.toml":
                (folder / path.name).symlink_to(path)
        original = (ROOT / "clinic" / "clinic.toml").read_text(encoding="utf-8")
        (folder / "clinic.toml").write_text(change(original), encoding="utf-8")
        load_clinic(folder)  # raises ClinicError
        self.env["CLINIC_DIR"] = str(folder)

    def start(self, *, mailer: bool = True, **plan: Any) -> "subprocess.Popen[bytes]":
        """Start the web server, wait until it responds, and start a mailer if none is running.

        The mailer is restarted whenever it exits; the web server is not. Without ``mailer`` none
        is started. ``plan`` changes fields of the FaultPlan.
        """
        self.plan = replace(self.plan, **plan)
        web = self.launch(*GUNICORN)
        self.wait_for_site(web)
        if mailer and not self._services:
            self.keep_running(*MAILER, "one")
        return web

    def wait_for_site(self, web: "subprocess.Popen[bytes]") -> None:
        wait_until(lambda: self.responds() or web.poll() is not None, 60, "the site responds")
        if web.poll() is not None:
            raise NotInTimeError(f"the site did not start, see {self._output.name}")

    def keep_running(self, *command: str) -> None:
        """Start one of the site's processes and restart it whenever it exits, as systemd does."""
        self._services.append(_Service(command, self.launch(*command)))
        if self._supervisor is None:
            self._stopping.clear()
            self._supervisor = threading.Thread(target=self._supervise, daemon=True)
            self._supervisor.start()

    def _supervise(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE):
            for service in tuple(self._services):
                if service.process.poll() is not None:
                    with suppress(NotInTimeError):
                        service.process = self.launch(*service.command)

    def start_mailer(self, name: str) -> "subprocess.Popen[bytes]":
        """Start another mailer, as on another host."""
        return self.launch(*MAILER, name)

    def launch(self, *command: str, **env: str) -> "subprocess.Popen[bytes]":
        """Start one of the site's processes. ``env`` adds or replaces variables."""
        if self._abandoned:
            raise NotInTimeError("the run was interrupted")
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def flask(self, *arguments: str, may_fail: bool = False) -> str:
        """Run a command and return its output. Raises CommandFailedError if it fails."""
        result = subprocess.run(
            [*FLASK, *arguments],
            cwd=ROOT,
            env=self.environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )
        if result.returncode and not may_fail:
            last = (result.stderr.splitlines() or [""])[-1]
            raise CommandFailedError(f"flask {' '.join(arguments)}: {last}")
        return result.stdout

    def responds(self, port: int | None = None) -> bool:
        connection = HTTPConnection("127.0.0.1", port or self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    @contextmanager
    def load(self, **options: Any) -> Iterator[Load]:
        """Run clients during the block; with ``count``, until they have sent that many."""
        load = Load(**{"url": lambda: f"http://127.0.0.1:{self.port}", **options})
        load.start()
        try:
            yield load
        finally:
            (load.finish if "count" in options else load.stop)()
            self.submissions += load.submissions

    def planned_faults(self) -> int:
        """How many faults of the plan happened in the site's processes."""
        return self.plan.injected().total()

    def processes(self, argument: str = "") -> list[psutil.Process]:
        """The site's processes, orphans included. ``argument`` selects by command line."""
        return [process for process in psutil.process_iter() if self._is_ours(process, argument)]

    def unfinished(self) -> int:
        """The number of messages that are still to be sent."""
        pending = sa.select(sa.func.count()).where(OutboxMessage.due_at.is_not(None))
        with self.database.read_session() as session:
            return session.scalar(pending) or 0

    def drain(self, seconds: float | None = None) -> None:
        """Wait until the outbox is empty. Messages that remain count as lost."""
        with suppress(NotInTimeError):
            wait_until(
                lambda: not self.unfinished(), seconds or self.drain_seconds, "the outbox is empty"
            )

    def messages(self) -> list[Message]:
        """All messages that the mail server received."""
        return [
            *(read_message(received.content) for received in tuple(self.relay.received)),
            *self.other_messages(),
        ]

    def stop(self) -> None:
        """Terminate the site, then kill the processes that remain."""
        self._stopping.set()
        if self._supervisor:
            self._supervisor.join()
        self._supervisor = None
        self._services.clear()
        for process in self._processes:
            if _is_strace(process):  # strace does not forward signals
                with suppress(psutil.Error):
                    for child in psutil.Process(process.pid).children(recursive=True):
                        child.terminate()
            process.terminate()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(40)
        self._kill_all()
        for process in self._processes:
            process.wait(10)
        self._processes.clear()

    def abandon(self) -> None:
        """Kill the site from another thread, so that code waiting for it fails."""
        self._abandoned = True
        self._kill_all()

    def _kill_all(self) -> None:
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()

    def close(self) -> None:
        try:
            self.stop()
        finally:
            self.relay.close()
            self.at_end.close()
            shutil.rmtree(self.folder / "instance", ignore_errors=True)

    def _is_ours(self, process: psutil.Process, argument: str) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            instance = process.environ().get("INSTANCE_DIR", "")
            ours = Path(instance).is_relative_to(self.folder)
            return ours and (not argument or argument in process.cmdline())
        except psutil.Error:
            return False

    def environment(self) -> dict[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if k not in VARIABLE_NAMES | MAKE_VARIABLES
        }
        return {
            **inherited,
            **environment(
                self.instance,
                PORT=str(self.port),
                DATABASE_URL=self.url,
                MAIL_PORT=str(self.relay_port),
                MAIL_USE_TLS="false",
                MAIL_DEFAULT_SENDER="no-reply@clinic.example",
                TRUSTED_PROXIES="1",  # clients write X-Forwarded-For as a proxy would
            ),
            "PATH": os.pathsep.join((*self.server.tools, inherited.get("PATH", ""))),
            "PYTHONPATH": str(ENTRY),
            VARIABLE: self.plan.to_json(),
            **self.env,
        }


def _is_strace(process: "subprocess.Popen[bytes]") -> bool:
    return isinstance(process.args, tuple) and process.args[0] == "strace"
