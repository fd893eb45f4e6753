"""Reading the clinic's TOML files: whatever is wrong with one is a fault with file and line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from app.clinic.errors import IssueCollector


def read_text(file: Path, faults: IssueCollector) -> str | None:
    """What stands in ``file``; None, and the reason in ``faults``, when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        faults.add(file, 0, error.strerror or type(error).__name__)
    except UnicodeDecodeError as error:
        faults.add(file, error.object.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
    return None


def parse(
    file: Path, text: str, faults: IssueCollector, *, above: int = 0, part: str = ""
) -> dict[str, Any] | None:
    """The tables in ``text``, a ``part`` of ``file`` with so many lines ``above`` it; None, and
    the reason in ``faults``, when it is no TOML.
    """
    said = f"{part}: " if part else ""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.add(file, toml_line(error, text) + above, f"{said}{error}")
    except (RecursionError, ValueError) as error:  # lists in lists without end, 5,000 digits
        faults.add(file, above, f"{said}is no sensible TOML ({type(error).__name__})")
    return None


def toml_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line of ``text``, from 1, that a TOML parser complains about; else its last."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else len(text.splitlines())
