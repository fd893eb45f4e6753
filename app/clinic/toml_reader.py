"""Reads the clinic's TOML files. Whatever is wrong is collected with file and line."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.clinic.errors import IssueCollector, line_of

Model = TypeVar("Model", bound=BaseModel)
REASONS = {"missing": "missing", "extra_forbidden": "unknown key"}
SHORT_TIME = re.compile(r"(?<![\d:])(?:\d\d?:\d\d(?![\d:])|24:)")  # TOML has 00:00:00 to 23:59:59
DECIMAL_COMMA = re.compile(r"=\s*[+-]?\d+,\d")


def read_text(file: Path, issues: IssueCollector) -> str | None:
    """Return the text of ``file``, or None and an issue when it cannot be read.

    Some editors put a byte order mark before the text.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        issues.add(file, 0, error.strerror or type(error).__name__)
    except UnicodeDecodeError as error:
        issues.add(file, error.object.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
    return None


def parse(file: Path, text: str, issues: IssueCollector, label: str = "") -> dict[str, Any] | None:
    """Return the tables in ``text``, or None and an issue when it is not valid TOML.

    ``text`` may be the beginning of ``file``, called ``label``.
    """
    prefix = f"{label}: " if label else ""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _error_line(error, text)
        source = "".join(text.splitlines()[line - 1 : line])
        reason = str(error)
        if reason.startswith(r"Illegal character '\n'"):
            reason += "; is a quotation mark missing at the end of this line?"
        elif DECIMAL_COMMA.search(source):
            reason = "write a decimal point, not a comma"
        elif SHORT_TIME.search(source):
            reason += "; write times with seconds, like 09:00:00, and midnight as 00:00:00"
        issues.add(file, line, f"{prefix}{reason}")
    except (RecursionError, ValueError) as error:  # endless nested lists, 5,000 digits
        issues.add(file, 0, f"{prefix}is not valid TOML ({type(error).__name__})")
    return None


def validate(  # noqa: PLR0913, PLR0917  (most of them are the place of an error)
    model: type[Model],
    table: Mapping[str, Any],
    file: Path,
    text: str,
    issues: IssueCollector,
    location: tuple[str, ...] = (),
) -> Model | None:
    """Return ``table`` as ``model``, or None and the issues in it.

    ``table`` is at ``location`` in ``text``, which is in ``file``.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        bad_keys: list[tuple[int | str, ...]] = []
        for item in error.errors():
            place = item.get("ctx", {}).get("at", item["loc"])
            if place[-1:] == ("[key]",):  # pydantic: the error is in the key
                place = place[:-1]
                bad_keys.append(place)
            elif any(place[: len(key)] == key for key in bad_keys):
                continue  # the value of such a key
            path = (*location, *place)
            # A missing key has no line, so this is the line of its table.
            line = line_of(text, path[:-1] if item["type"] == "missing" else path)
            key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
            reason = REASONS.get(item["type"], item["msg"].removeprefix("Value error, "))
            issues.add(file, line, f"{key.lstrip('.') or file.stem}: {reason}")
    return None


def _error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    match = re.search(r"at line (\d+)", str(error))
    return int(match[1]) if match else len(text.splitlines())
