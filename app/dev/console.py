"""What a developer sees of the processes: everything in a file, the troubles on the screen."""

import json
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

LIMIT = 5_000_000  # bytes; a longer log is started afresh
CALM = ("[INFO]", "[DEBUG]", "INFO  [", "DEBUG [")  # gunicorn's and Alembic's marks


class Console:
    """A pipe that all processes write to; ``pump`` carries the lines on."""

    def __init__(self, log: Path) -> None:
        fresh = not log.exists() or log.stat().st_size > LIMIT
        self._log = log.open("wb" if fresh else "ab", buffering=0)
        self._reader, self.writer = os.pipe()
        self._rest = b""

    def pump(self, seconds: float) -> None:
        """Carry on what was written; wait up to ``seconds`` for the first of it."""
        while select.select([self._reader], [], [], seconds)[0]:
            chunk = os.read(self._reader, 65536)
            self._log.write(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                _show(line.decode(errors="replace"))
            seconds = 0


def _show(line: str) -> None:
    text = _trouble(line)
    if text:
        with suppress(OSError):
            sys.stderr.write(text + "\n")


def _trouble(line: str) -> str | None:
    """``line`` for people, or None when all is well."""
    try:
        record = json.loads(line)
    except ValueError:
        return None if any(mark in line for mark in CALM) else line
    if not isinstance(record, dict) or record.get("level") in ("debug", "info"):
        return None
    first = f"{record.get('level')}: {record.get('message')}"
    error = [f"  {record[key]}" for key in ("error", "error_message") if key in record]
    return "\n".join([first, *(f"  {place}" for place in record.get("at", ())), *error])
