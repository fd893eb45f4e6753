"""The guardian with stand-in mailers: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.outbox.child import Child
from app.outbox.guardian import Guardian, Work
from config import ROOT
from tests.support.site import eventually

# Stands where gunicorn's master does: the test can kill it. The guardian is as it is, with
# work of the test's own and a shorter patience.
MASTER = """
import os, signal, sys, time
from app.outbox import guardian
from app.outbox.child import Child

guardian.PATIENCE = 2.0
master = os.getpid()

def write(*words):
    print(*words, file=open({journal!r}, "a"))

def run(owner, parent):
    def leave(*_):
        write("ended", owner)
        sys.exit(0)
    signal.signal(signal.SIGTERM, {on_term})
    write("started", owner, os.getpid())
    {life}

def release(owner):
    write("released", owner)

def guard():
    guardian.Guardian(master, guardian.Work(run, release)).keep()

child = Child("guardian", guard)
print(child.pid, flush=True)
while child.poll() is None:
    time.sleep(0.05)
"""


class Household:
    """A master, its guardian, and the journal that the stand-in mailers keep."""

    def __init__(self, folder: Path, life: str, on_term: str) -> None:
        self._journal = folder / "journal"
        self._journal.touch()
        program = MASTER.format(journal=str(self._journal), life=life, on_term=on_term)
        self.master = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self.master.stdout is not None
        self.guardian = psutil.Process(int(self.master.stdout.readline()))

    def journal(self, word: str) -> list[list[str]]:
        lines = (line.split() for line in self._journal.read_text().splitlines())
        return [rest for first, *rest in lines if first == word]

    def mailers(self) -> list[psutil.Process]:
        """The stand-in mailers that run now."""
        pids = [int(pid) for _owner, pid in self.journal("started")]
        return [psutil.Process(pid) for pid in pids if _runs(pid)]

    def mailer(self, number: int = 1) -> psutil.Process:
        """The mailer started as the ``number``-th, once it has been."""
        self.wait_for_start(number)
        return psutil.Process(int(self.journal("started")[number - 1][1]))

    def wait_for_start(self, number: int) -> None:
        eventually(lambda: len(self.journal("started")) >= number, 15, f"mailer {number} starts")

    def end(self) -> None:
        family = [self.guardian, *self.mailers()]
        self.master.kill()
        self.master.communicate()
        for one in family:
            if one.is_running():
                one.kill()


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Callable[..., Household]]:
    made: list[Household] = []

    def make(life: str = "time.sleep(600)", on_term: str = "leave") -> Household:
        made.append(Household(tmp_path, life, on_term))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_a_killed_mailer_is_replaced_and_its_leases_are_released(
    household: Callable[..., Household],
) -> None:
    home = household()
    home.mailer().kill()
    home.mailer(2)
    owners = [owner for owner, _pid in home.journal("started")]
    assert home.journal("released") == [[owners[0]]]
    assert owners[0] != owners[1]


def test_pauses_grow_while_mailers_die_at_once(household: Callable[..., Household]) -> None:
    began = time.monotonic()
    home = household(life="sys.exit(4)")
    home.wait_for_start(3)
    assert time.monotonic() - began > 3, "1 s and 2 s of pause"
    assert home.guardian.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_guardian_and_mailer_end_with_the_master(
    household: Callable[..., Household], number: int
) -> None:
    home = household()
    mailer = home.mailer()
    home.master.send_signal(number)
    eventually(lambda: not _runs(home.guardian.pid), 10, "the guardian ends")
    assert not _runs(mailer.pid)
    assert len(home.journal("ended")) == 1, "asked to end, not killed"


def test_a_mailer_that_does_not_end_is_killed_and_its_leases_released(
    household: Callable[..., Household],
) -> None:
    home = household(on_term="lambda *_: None", life="while True: time.sleep(1)")
    mailer = home.mailer()
    home.guardian.terminate()
    eventually(lambda: not _runs(home.guardian.pid), 15, "the guardian ends")
    assert not _runs(mailer.pid)
    assert len(home.journal("released")) == 1


def test_a_reload_ends_the_old_mailer_before_it_starts_a_new_one(
    household: Callable[..., Household],
) -> None:
    home = household()
    old = home.mailer()
    home.guardian.send_signal(signal.SIGHUP)
    new = home.mailer(2)
    assert not _runs(old.pid)
    assert [one.pid for one in home.mailers()] == [new.pid]
    assert home.journal("released") == []


def test_it_ends_at_once_when_the_master_is_gone_before_it_starts() -> None:
    stranger = os.getpid() + 1
    guardian = Child("guardian", lambda: Guardian(stranger, Work(_never, _never)).keep())
    assert guardian.wait(10) == 0


def _never(*_: object) -> None:
    raise AssertionError("no mailer is started")
