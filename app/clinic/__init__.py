"""The clinic's identity: ``clinic/clinic.toml`` read once into frozen values.

Nothing about a clinic (a name, a number, an opening hour) stands in Python or
in a template; it all comes through here. A fault in the file stops the start
and is named with file, key and reason.
"""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from app.clinic import crisis_phrases, toml_reader
from app.clinic.crisis_phrases import DangerWords
from app.clinic.errors import ClinicError, Faults, line_of
from app.clinic.frozen import Frozen
from app.clinic.models import (
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
    "load_clinic",
]

Value = TypeVar("Value", bound=Frozen)


def load_clinic(folder: Path) -> Clinic:
    """Read ``folder/clinic.toml``, and ``danger.toml`` if there is one.

    Raises ClinicError naming file, line, key and reason.
    """
    clinic = _read(folder / "clinic.toml", Clinic)
    if "danger" in clinic.model_fields_set:
        raise ClinicError(
            f"{folder / 'clinic.toml'}: danger: write this into {crisis_phrases.FILE}"
        )
    if not (folder / crisis_phrases.FILE).exists():
        return clinic
    return clinic.model_copy(update={"danger": _read(folder / crisis_phrases.FILE, DangerWords)})


def _read(file: Path, kind: type[Value]) -> Value:
    faults = Faults()
    value = _read_noting(file, kind, faults)
    faults.raise_if_any()
    assert value is not None
    return value


def _read_noting(file: Path, kind: type[Value], faults: Faults) -> Value | None:
    """What stands in ``file``; None, and the reasons in ``faults``, when it will not do."""
    if (text := toml_reader.read_text(file, faults)) is None:
        return None
    if (table := toml_reader.parse(file, text, faults)) is None:
        return None
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        for one in error.errors():
            # A key that is not there has no line: that of its table is told.
            place = one["loc"][:-1] if one["type"] == "missing" else one["loc"]
            faults.add(file, line_of(text, place), _reason(file, one["loc"], one["msg"]))
    return None


def _reason(file: Path, location: tuple[int | str, ...], reason: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{key.lstrip('.') or file.stem}: {reason.removeprefix('Value error, ')}"
