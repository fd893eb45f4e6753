"""The processes of a development site: forks of one that has loaded the site already.

Loading it takes most of a start; this way it happens once.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkProcess

PR_SET_PDEATHSIG = 1  # prctl(2)


def start(name: str, work: Callable[[], object], output: int) -> ForkProcess:
    """Do ``work`` in a process of its own that writes to the descriptor ``output``."""
    process = get_context("fork").Process(
        target=_child, args=(work, output, os.getpid()), name=name
    )
    process.start()
    return process


def end(process: ForkProcess, patience: float, meanwhile: Callable[[], None]) -> None:
    """Ask ``process`` to end, make it end after ``patience`` seconds."""
    if process.is_alive():
        process.terminate()
    waited = 0.0
    while process.is_alive() and waited < patience:
        process.join(0.05)
        waited += 0.05
        meanwhile()
    process.kill()
    process.join()


def exit_status(process: ForkProcess) -> int:
    """As a shell gives it: 128 and the signal's number for one that was killed."""
    code = process.exitcode or 0
    return code if code >= 0 else 128 - code


def _child(work: Callable[[], object], output: int, parent: int) -> None:
    os.setsid()  # a Ctrl-C reaches the supervisor alone, which ends everything in order
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    _end_with_parent(parent)
    work()


def _end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the supervisor is killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
