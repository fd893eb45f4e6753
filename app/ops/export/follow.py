"""Exports the pages whenever their words change: the process that keeps them true.

What a page says of the opening hours is right until a door opens or closes, or
the day ends. Then it is exported anew, and after an upgrade, which starts this
process again. When that fails, what is there is withdrawn: the site answers
for itself, which is slower and never wrong.

``flask site export --follow`` becomes this file, isolated, for it has nothing to
do most of the time: 10 MB of memory instead of 70. So nothing but the standard
library may be imported here.
"""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0  # seconds that an export may take
AGAIN = 60.0  # seconds after a failure
LOOK = 1.0  # seconds between two looks at the clock, which may be set, or sleep


def export(folder: str) -> datetime | None:
    """Until when the pages are right; None when they could not be exported."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "site", "export", "--json", folder]
    try:
        done = subprocess.run(  # noqa: S603  (ours)
            command, cwd=ROOT, stdout=subprocess.PIPE, timeout=PATIENCE, check=True
        )
        return datetime.fromisoformat(json.loads(done.stdout)["until"])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        _say("error", f"the pages are not exported: {type(error).__name__}; the site shows them")
        return None


def withdraw(folder: str) -> None:
    """Take away what is shown; works on a full disk too."""
    for link in Path(folder).glob("live-*"):
        link.unlink(missing_ok=True)


def follow(folder: str) -> None:
    """Never returns."""
    while True:
        began = time.monotonic()
        until = export(folder)
        if until is None:
            withdraw(folder)
        while until is None or datetime.now(UTC) < until:
            time.sleep(LOOK)
            if until is None and time.monotonic() - began > AGAIN:
                break


def _say(level: str, message: str) -> None:
    line = {"time": datetime.now(UTC).isoformat(), "level": level, "logger": "pages"}
    sys.stderr.write(json.dumps({**line, "message": message}) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # what is shown stays
    follow(sys.argv[1])
