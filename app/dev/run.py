"""``make run``: the whole site on this machine, from one terminal.

    make ── this program ─┬─ mailbox (a real SMTP server, see mailbox.py)
                          └─ gunicorn ─┬─ web workers
                                       └─ guardian ── mailer

It ends all of them when it is asked to end, when gunicorn ends or when
``make`` is gone; when it is killed itself, the kernel ends them (Linux).
"""

import http.client
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from multiprocessing.context import ForkProcess

from app.dev import processes
from app.dev.console import Console
from app.dev.place import Place, RunError

PATIENCE = 60.0  # seconds; gunicorn waits for requests, then for a mail under way


class Leave(Exception):  # noqa: N818
    """A signal asked for the end, or ``make`` is gone."""


class Supervisor:
    """Starts the processes of ``place``, tells when the site answers, and ends them."""

    def __init__(self, place: Place, console: Console) -> None:
        self._place = place
        self._console = console
        self._asked_to_leave = False
        self._parent = os.getppid()
        self._running: list[ForkProcess] = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_leave)

    def run(self) -> int:
        """The exit status: 0 when asked to leave, else that of what failed."""
        try:
            return self._run()
        except Leave:
            return 0
        finally:
            for process in self._running:
                processes.end(process, PATIENCE, lambda: self._console.pump(0))
            self._console.pump(0)

    def _run(self) -> int:
        mailbox = self._start_mailbox()
        if status := self._finish(self._start("migrations", _migrate)):
            return status
        site = self._start("site", _serve_preview if self._place.clinic else _serve_site)
        while site.is_alive() and not self._answers():
            self._turn()
        if site.is_alive():
            self._announce()
        while site.is_alive():
            self._turn()
            if mailbox and not mailbox.is_alive():
                self._say_mailbox_died(mailbox)
                mailbox = None
        return processes.exit_status(site)

    def _turn(self) -> None:
        self._console.pump(0.1)
        if self._asked_to_leave or os.getppid() != self._parent:
            raise Leave

    def _start(self, name: str, work: Callable[[], object]) -> ForkProcess:
        process = processes.start(name, work, self._console.writer)
        self._running.insert(0, process)
        return process

    def _finish(self, process: ForkProcess) -> int:
        while process.is_alive():
            self._turn()
        return processes.exit_status(process)

    def _start_mailbox(self) -> ForkProcess | None:
        port = self._place.mailbox_port
        if port is None:
            return None
        from app.dev.mailbox import keep_mailbox  # noqa: PLC0415  (the site never needs it)

        return self._start("mailbox", lambda: keep_mailbox(self._place.maildir, port, os.getppid()))

    def _answers(self) -> bool:
        address = (self._place.reachable_host, self._place.port)
        try:
            with closing(http.client.HTTPConnection(*address, timeout=5)) as connection:
                connection.request("GET", "/healthz")
                return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except OSError:
            return False

    def _announce(self) -> None:
        site = self._place.site
        kept = f"{site}/dev/mailbox" if self._place.mailbox_port else "none: MAIL_SERVER is set"
        if self._place.clinic:
            print(f"Clinic    {self._place.clinic}: what you save is shown at once")  # noqa: T201
        print(f"Site      {site}\nMailbox   {kept}\nStop      Ctrl-C", flush=True)  # noqa: T201

    def _say_mailbox_died(self, mailbox: ForkProcess) -> None:
        status = processes.exit_status(mailbox)
        _complain(f"The mailbox stopped ({status}). Start it again: {self._place.mailbox_command}")

    def _ask_to_leave(self, *_: object) -> None:
        self._asked_to_leave = True


def _load_site() -> None:
    """Once, for all processes to come. Exits with one report when a setting is wrong."""
    from wsgi import app  # noqa: PLC0415  (reads the environment that main() has made)

    app.extensions["database"].engine.dispose()


def _migrate() -> None:
    """``flask db upgrade``."""
    from flask.cli import ScriptInfo  # noqa: PLC0415  (of this process alone)

    from wsgi import app  # noqa: PLC0415

    site = ScriptInfo(create_app=lambda: app)
    app.cli.main(["db", "upgrade"], obj=site, standalone_mode=False)


def _serve_site(*what: str) -> None:
    from gunicorn.app.wsgiapp import run  # type: ignore[import-untyped]  # noqa: PLC0415

    sys.argv = ["gunicorn", "--log-level", "warning", *what]
    run()


def _serve_preview() -> None:
    os.environ["WEB_CONCURRENCY"] = "1"  # one process tells of a mistake, once
    _serve_site("app.dev.preview:preview()")


def _check_free(name: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RunError(
                f"Cannot listen on {host}:{port} ({error.strerror}). "
                f"Choose another port: {name}={port + 1} make run"
            ) from None


def main() -> int:
    try:
        place = Place.from_env(os.environ)
        _check_free("PORT", place.host, place.port)
        if place.mailbox_port:
            _check_free("MAILBOX_PORT", "127.0.0.1", place.mailbox_port)
        os.environ.update(place.prepare(os.environ))
    except RunError as error:
        _complain(str(error))
        return 1
    _load_site()
    return Supervisor(place, Console(place.instance / "frontdesk.log")).run()


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
