"""Postfix's smtp-sink, an independent mail server. `make smtp-sink` installs it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from config import ROOT
from tests.support.site import free_port

UNPACKED = ROOT / "build" / "postfix"


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink that stores each message in a file in ``folder``."""

    port: int
    folder: Path

    def received(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("mail.*"))]


def find() -> str | None:
    """Return the path of the program, or None if it is not installed."""
    folders = ("/usr/sbin", os.defpath, str(UNPACKED / "usr" / "sbin"))
    return shutil.which("smtp-sink", path=os.pathsep.join(folders))


def start(folder: Path, at_end: ExitStack, *, keep: bool = True, delay: int = 0) -> Sink | None:
    """Run smtp-sink until ``at_end`` is closed. Returns None if it is missing or cannot start.

    It waits for ``delay`` seconds before it accepts a message. Without ``keep`` it discards them.
    """
    program = find()
    if program is None:
        return None
    folder.mkdir()
    folder.chmod(0o777)
    port = free_port()
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    options = [
        *(["-d", f"{folder}/mail.%M."] if keep else []),
        *(["-w", str(delay)] if delay else []),
    ]
    process = subprocess.Popen(
        [program, *as_user, *options, f"127.0.0.1:{port}", "64"],
        env={"LD_LIBRARY_PATH": str(UNPACKED / "usr" / "lib" / "postfix")},
        stdin=subprocess.DEVNULL,
        cwd=folder,
    )
    at_end.callback(process.wait, 10)
    at_end.callback(process.terminate)
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Sink(port, folder)
        if process.poll() is not None:
            return None
        time.sleep(0.05)
    return None
