"""One scenario's site: the site in its real processes, a mail server, clients, faults."""

import os
import shutil
import signal
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

from app.database import Database
from app.encryption import KeyRing
from app.outbox.models import OutboxMessage
from config import ROOT
from tests.faults.clients import Load, Submission
from tests.faults.database_servers import DatabaseServer
from tests.faults.delivery_check import Mail, read_mail
from tests.faults.fault_plan import VARIABLE, FaultPlan
from tests.support.settings import ENCRYPTION_KEY, environment
from tests.support.site import MAKE_VARIABLES, SETTING_VARIABLES, free_port
from tests.support.smtp_relay import Relay

ENTRY = Path(__file__).with_name("entry")
GUNICORN = (sys.executable, "-m", "gunicorn", "--log-level", "warning")
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
MAILER = (*FLASK, "mailer", "run", "--name")
RESTART_PAUSE = 0.1  # seconds


class NotInTimeError(Exception):
    """Something that the scenario waited for did not come in time."""


class CommandFailedError(Exception):
    """A command of the site ended with a fault."""


class UnavailableError(Exception):
    """This machine cannot do what the scenario needs; says what is missing."""


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise NotInTimeError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


@dataclass
class _Service:
    """A command, and the process that runs it now."""

    command: tuple[str, ...]
    process: "subprocess.Popen[bytes]"


class SiteUnderTest:
    """What a scenario acts on. It sets ``injected`` and, where copies are to be
    expected, ``dup_allowed``; the runner drains, ends and judges.
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
        self.sent: list[Submission] = []
        self.injected = 0
        self.dup_allowed = 0
        self.drain_seconds = 60.0
        self.rows_may_be_gone = False
        self.other_mails: Callable[[], list[Mail]] = list
        self.at_end = ExitStack()
        self._children: list[subprocess.Popen[bytes]] = []
        self._services: list[_Service] = []
        self._supervisor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._abandoned = False
        self._output = (folder / "terminal").open("ab")
        self._database: Database | None = None
        self.at_end.callback(self._output.close)

    @property
    def database(self) -> Database:
        """The bench's own connection to the site's database."""
        if self._database is None:
            self._database = Database(self.url, KeyRing([ENCRYPTION_KEY]))
            self.at_end.callback(self._database.engine.dispose)
        return self._database

    def start(self, *, mailer: bool = True, **plan: Any) -> "subprocess.Popen[bytes]":
        """Start the web, wait until it answers, and start a mailer, unless one runs already
        or ``mailer`` says that none is wanted. The mailer is started again whenever it ends;
        the web is not. ``plan`` as in FaultPlan.
        """
        self.plan = replace(self.plan, **plan)
        web = self.launch(*GUNICORN)
        self.wait_for_site(web)
        if mailer and not self._services:
            self.keep(*MAILER, "one")
        return web

    def wait_for_site(self, web: "subprocess.Popen[bytes]") -> None:
        wait_until(lambda: self.answers() or web.poll() is not None, 60, "the site answers")
        if web.poll() is not None:
            raise NotInTimeError(f"the site did not start, see {self._output.name}")

    def keep(self, *command: str) -> None:
        """Start one of the site's processes, and again whenever it ends, as systemd does."""
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
        """One more mailer, as on a host of its own."""
        return self.launch(*MAILER, name)

    def launch(self, *command: str, **env: str) -> "subprocess.Popen[bytes]":
        """Start one of the site's processes; ``env`` adds or replaces variables."""
        if self._abandoned:
            raise NotInTimeError("the bench was interrupted")
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self._environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def flask(self, *words: str) -> str:
        """What the command says. Raises CommandFailedError when it fails."""
        done = subprocess.run(
            [*FLASK, *words],
            cwd=ROOT,
            env=self._environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )
        if done.returncode:
            last = (done.stderr.splitlines() or [""])[-1]
            raise CommandFailedError(f"flask {' '.join(words)}: {last}")
        return done.stdout

    def answers(self, port: int | None = None) -> bool:
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
        """Clients at work while the block runs; with ``count`` until they have sent it."""
        load = Load(**{"url": lambda: f"http://127.0.0.1:{self.port}", **options})
        load.start()
        try:
            yield load
        finally:
            (load.finish if "count" in options else load.stop)()
            self.sent += load.sent

    def happened(self) -> int:
        """How many planned faults were done in the site's processes."""
        return self.plan.happened().total()

    def processes(self, word: str = "") -> list[psutil.Process]:
        """The site's processes, orphans too; with ``word`` in their command, if given."""
        return [one for one in psutil.process_iter() if self._is_ours(one, word)]

    def unfinished(self) -> int:
        """Rows of the outbox that are still to be sent."""
        waiting = sa.select(sa.func.count()).where(OutboxMessage.due_at.is_not(None))
        with self.database.read_session() as session:
            return session.scalar(waiting) or 0

    def drain(self, seconds: float | None = None) -> None:
        """Wait until nothing is to be sent; what still is then counts as lost."""
        with suppress(NotInTimeError):
            wait_until(lambda: not self.unfinished(), seconds or self.drain_seconds, "drained")

    def mails(self) -> list[Mail]:
        return [
            *(read_mail(taken.content) for taken in tuple(self.relay.received)),
            *self.other_mails(),
        ]

    def stop(self) -> None:
        """End the site in order, then by force what is left of it."""
        self._stopping.set()
        if self._supervisor:
            self._supervisor.join()
        self._supervisor = None
        self._services.clear()
        for child in self._children:
            with suppress(psutil.Error):  # strace passes no signal on: its child gets it
                below = psutil.Process(child.pid).children(recursive=True)
                below = below if _is_strace(child) else []
                for one in below:
                    one.terminate()
            child.terminate()
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(40)
        for one in self.processes():
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        for child in self._children:
            child.wait(10)
        self._children.clear()

    def abandon(self) -> None:
        """From another thread: end the site by force, so that whoever waits for it fails."""
        self._abandoned = True
        for one in self.processes():
            with suppress(psutil.Error):
                one.kill()

    def close(self) -> None:
        try:
            self.stop()
        finally:
            self.relay.close()
            self.at_end.close()
            shutil.rmtree(self.folder / "instance", ignore_errors=True)

    def _is_ours(self, process: psutil.Process, word: str) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            instance = process.environ().get("INSTANCE_DIR", "")
            ours = Path(instance).is_relative_to(self.folder)
            return ours and (not word or word in process.cmdline())
        except psutil.Error:
            return False

    def _environment(self) -> dict[str, str]:
        outside = {
            k: v for k, v in os.environ.items() if k not in SETTING_VARIABLES | MAKE_VARIABLES
        }
        return {
            **outside,
            **environment(
                self.instance,
                PORT=str(self.port),
                DATABASE_URL=self.url,
                MAIL_PORT=str(self.relay_port),
                MAIL_USE_TLS="false",
                MAIL_DEFAULT_SENDER="no-reply@clinic.example",
            ),
            "PATH": os.pathsep.join((*self.server.tools, outside.get("PATH", ""))),
            "PYTHONPATH": str(ENTRY),
            VARIABLE: self.plan.to_json(),
            **self.env,
        }


def _is_strace(child: "subprocess.Popen[bytes]") -> bool:
    return isinstance(child.args, tuple) and child.args[0] == "strace"
