"""The guardian: a small process between gunicorn's master and one mailer.

    gunicorn master ── guardian ── mailer

It starts the mailer, starts it again when it dies, and ends with the master
however that ends, ``kill -9`` included. The web never stops because the
mailer died. A reload (SIGHUP) ends the old mailer before it starts the new
one. The mailer in turn ends when the guardian is gone, so nobody is orphaned.

gunicorn.conf.py runs this file by its path, isolated, because ``-m`` would
import ``app`` and with it the whole site: 10 MB of memory instead of 100. So
nothing but the standard library may be imported here.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAUSES = (1, 2, 4, 8, 16, 32, 60)  # seconds before the next start, longer after each failure
HEALTHY = 60.0  # seconds of life after which a death counts as the first one again
PATIENCE = 30.0  # seconds; a mailer past the final dot needs up to 25
PARENT_CHECK = 0.5  # seconds


class Event(Enum):
    """What ends the waiting for a mailer."""

    DIED = "died"
    RELOAD = "reload"
    STOP = "stop"


@dataclass(frozen=True)
class Commands:
    """The command lines of a mailer called by its owner name."""

    run: Callable[[str], list[str]]
    release: Callable[[str], list[str]]


class Signals:
    """Signals as something to wait for; SIGCHLD ends the waiting early too."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float) -> set[int]:
        """The numbers of the signals that came, at most ``seconds`` later."""
        select.select([self._reader], [], [], seconds)
        with suppress(BlockingIOError):
            return set(self._reader.recv(4096))
        return set()


class Guardian:
    """Keeps one mailer alive for as long as the process ``parent`` lives."""

    def __init__(self, parent: int, commands: Commands) -> None:
        self._parent = parent
        self._commands = commands
        self._signals = Signals()

    def keep(self) -> None:
        """Return when the parent is gone or SIGTERM came; the mailer has ended then."""
        failures = 0
        while os.getppid() == self._parent:
            owner = f"{socket.gethostname()[:40]}-{os.urandom(4).hex()}"
            born = time.monotonic()
            event = self._guard(owner)
            if event is Event.DIED:
                failures = 0 if time.monotonic() - born >= HEALTHY else failures
                event = self._pause(owner, PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
            if event is Event.STOP:
                return

    def _guard(self, owner: str) -> Event:
        """The life of one mailer. It has ended when this returns."""
        mailer = _start(self._commands.run(owner))
        event = self._wait(lambda: mailer.poll() is not None)
        if event is Event.DIED:
            _say("warning", f"the mailer {owner} died (exit status {mailer.returncode})")
            return event
        if _end(mailer, PATIENCE) == -signal.SIGKILL:
            _finish(_start(self._commands.release(owner)))
        return event

    def _pause(self, owner: str, seconds: float) -> Event:
        """Release what the dead mailer held, and let ``seconds`` pass meanwhile."""
        release = _start(self._commands.release(owner))
        until = time.monotonic() + seconds
        event = self._wait(lambda: time.monotonic() >= until)
        if _finish(release) != 0:
            _say("error", f"the leases of {owner} are not released; they will run out")
        return event

    def _wait(self, over: Callable[[], bool]) -> Event:
        """DIED once ``over`` says so, or what happened before that."""
        while not over():
            came = self._signals.wait(PARENT_CHECK)
            if os.getppid() != self._parent or came & {signal.SIGTERM, signal.SIGINT}:
                return Event.STOP
            if signal.SIGHUP in came:
                return Event.RELOAD
        return Event.DIED


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: a Ctrl-C at the terminal must not cut off a mail."""
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)  # noqa: S603  (ours)


def _end(process: subprocess.Popen[bytes], patience: float) -> int:
    """Ask ``process`` to end, make it end after ``patience`` seconds; its exit status."""
    process.terminate()
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _finish(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a command that needs seconds, not minutes."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return _end(process, 1)


def _say(level: str, message: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"time": now, "level": level, "logger": "guardian", "message": message}
    line = json.dumps(told)
    if os.environ.get("LOG_FORMAT") == "console":
        line = f"{now} [{level.upper()}] guardian: {message}"
    with suppress(OSError):  # who read it may be gone; the mailer must still be ended
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _flask(*words: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", *words]


def main() -> None:
    commands = Commands(
        run=lambda owner: _flask("run", "--owner", owner, "--parent", str(os.getpid())),
        release=lambda owner: _flask("release", owner),
    )
    Guardian(int(sys.argv[1]), commands).keep()


if __name__ == "__main__":
    main()
