"""Since when the web has been up on this host: one line in the instance folder."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app import clock

FILE = "web_started"


def note_start(instance: Path) -> None:
    """Called by gunicorn's master when it serves."""
    unfinished = instance / f".{FILE}"
    with suppress(OSError):  # only `flask status` misses it
        unfinished.write_text(f"{os.getpid()} {clock.now().isoformat(timespec='seconds')}\n")
        unfinished.replace(instance / FILE)


def note_end(instance: Path) -> None:
    """Called when it ends; a newer master's line stays."""
    if _read(instance)[0] == os.getpid():
        with suppress(OSError):
            (instance / FILE).unlink()


def serving_since(instance: Path) -> datetime | None:
    """None when no web server of this instance folder runs here."""
    process, since = _read(instance)
    return since if process and Path(f"/proc/{process}").exists() else None


def _read(instance: Path) -> tuple[int, datetime | None]:
    try:
        process, since = (instance / FILE).read_text(encoding="ascii").split()
        return int(process), datetime.fromisoformat(since)
    except (OSError, ValueError):
        return 0, None
