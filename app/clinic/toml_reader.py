"""Reads the clinic's TOML files. Whatever is wrong is collected with file and line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from app.clinic.errors import IssueCollector


def read_text(file: Path, issues: IssueCollector) -> str | None:
    """Return the text of ``file``, or None and an issue when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        issues.add(file, 0, error.strerror or type(error).__name__)
    except UnicodeDecodeError as error:
        issues.add(file, error.object.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
    return None


def parse(
    file: Path, text: str, issues: IssueCollector, *, line_offset: int = 0, label: str = ""
) -> dict[str, Any] | None:
    """Return the tables in ``text``, or None and an issue when it is not valid TOML.

    ``text`` may be the part of ``file`` called ``label``, with ``line_offset`` lines before it.
    """
    prefix = f"{label}: " if label else ""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        issues.add(file, _error_line(error, text) + line_offset, f"{prefix}{error}")
    except (RecursionError, ValueError) as error:  # endless nested lists, 5,000 digits
        issues.add(file, line_offset, f"{prefix}is not valid TOML ({type(error).__name__})")
    return None


def _error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    match = re.search(r"at line (\d+)", str(error))
    return int(match[1]) if match else len(text.splitlines())
