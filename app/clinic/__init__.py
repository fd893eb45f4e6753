"""The clinic's identity: ``clinic/clinic.toml`` read once into frozen values.

Nothing about a clinic (a name, a number, an opening hour) stands in Python or
in a template; it all comes through here. A fault in the file stops the start
and is named with file, key and reason.
"""

import tomllib
from pathlib import Path

from flask import current_app
from pydantic import ValidationError

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


class ClinicError(Exception):
    """The clinic's own files hold a fault; the message lists every one found."""


def load_clinic(folder: Path) -> Clinic:
    """Read ``folder/clinic.toml``. Raises ClinicError naming file, key and reason."""
    file = folder / "clinic.toml"
    try:
        return Clinic.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ClinicError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClinicError(f"{file}: {error}") from None
    except ValidationError as error:
        faults = (_fault(file, one["loc"], one["msg"]) for one in error.errors())
        raise ClinicError("\n".join(faults)) from None


def _fault(file: Path, location: tuple[int | str, ...], reason: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{file}: {key.lstrip('.') or 'clinic'}: {reason.removeprefix('Value error, ')}"


def current_clinic() -> Clinic:
    """The clinic of the running application."""
    clinic = current_app.extensions["clinic"]
    assert isinstance(clinic, Clinic)
    return clinic
