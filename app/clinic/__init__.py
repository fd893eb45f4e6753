"""The clinic's identity: ``clinic/clinic.toml`` read once into frozen values.

Nothing about a clinic (a name, a number, an opening hour) stands in Python or
in a template; it all comes through here. A fault in the file stops the start
and is named with file, key and reason.
"""

import tomllib
from pathlib import Path
from typing import TypeVar

from flask import current_app
from pydantic import ValidationError

from app.clinic import danger
from app.clinic.danger import DangerWords
from app.clinic.frozen import Frozen
from app.clinic.values import (
    Clinic,
    ClosedDay,
    CrisisLine,
    Digest,
    Hours,
    Links,
    Location,
    Review,
    Topic,
    Weekday,
)

__all__ = [
    "Clinic",
    "ClinicError",
    "ClosedDay",
    "CrisisLine",
    "Digest",
    "Hours",
    "Links",
    "Location",
    "Review",
    "Topic",
    "Weekday",
    "current_clinic",
    "load_clinic",
]

Value = TypeVar("Value", bound=Frozen)


class ClinicError(Exception):
    """The clinic's own files hold a fault; the message lists every one found."""


def load_clinic(folder: Path) -> Clinic:
    """Read ``folder/clinic.toml``, and ``danger.toml`` if there is one.

    Raises ClinicError naming file, key and reason.
    """
    clinic = _read(folder / "clinic.toml", Clinic)
    if "danger" in clinic.model_fields_set:
        raise ClinicError(f"{folder / 'clinic.toml'}: danger: write this into {danger.FILE}")
    if not (folder / danger.FILE).exists():
        return clinic
    return clinic.model_copy(update={"danger": _read(folder / danger.FILE, DangerWords)})


def _read(file: Path, kind: type[Value]) -> Value:
    try:
        return kind.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ClinicError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClinicError(f"{file}: {error}") from None
    except ValidationError as error:
        faults = (_fault(file, one["loc"], one["msg"]) for one in error.errors())
        raise ClinicError("\n".join(faults)) from None


def _fault(file: Path, location: tuple[int | str, ...], reason: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{file}: {key.lstrip('.') or file.stem}: {reason.removeprefix('Value error, ')}"


def current_clinic() -> Clinic:
    """The clinic of the running application."""
    clinic = current_app.extensions["clinic"]
    assert isinstance(clinic, Clinic)
    return clinic
