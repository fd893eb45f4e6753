"""Reads and validates the clinic's files."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from app.clinic import toml_reader
from app.clinic.errors import ClinicError, IssueCollector, line_of
from app.clinic.models import CRISIS_PHRASES_FILE, Clinic, CrisisPhrases, FrozenModel

Model = TypeVar("Model", bound=FrozenModel)


def load_clinic(folder: Path) -> Clinic:
    """Read ``folder/clinic.toml``, and ``crisis-phrases.toml`` if there is one.

    Raises ClinicError naming file, line, key and reason.
    """
    clinic = _read(folder / "clinic.toml", Clinic)
    if "crisis_phrases" in clinic.model_fields_set:
        raise ClinicError(
            f"{folder / 'clinic.toml'}: crisis_phrases: move this to {CRISIS_PHRASES_FILE}"
        )
    if not (folder / CRISIS_PHRASES_FILE).exists():
        return clinic
    return clinic.model_copy(
        update={"crisis_phrases": _read(folder / CRISIS_PHRASES_FILE, CrisisPhrases)}
    )


def _read(file: Path, kind: type[Model]) -> Model:
    issues = IssueCollector()
    value = _read_noting(file, kind, issues)
    issues.raise_if_any()
    assert value is not None
    return value


def _read_noting(file: Path, kind: type[Model], issues: IssueCollector) -> Model | None:
    """What stands in ``file``; None, and the reasons in ``issues``, when it will not do."""
    if (text := toml_reader.read_text(file, issues)) is None:
        return None
    if (table := toml_reader.parse(file, text, issues)) is None:
        return None
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        for one in error.errors():
            # A key that is not there has no line: that of its table is told.
            place = one["loc"][:-1] if one["type"] == "missing" else one["loc"]
            issues.add(file, line_of(text, place), _reason(file, one["loc"], one["msg"]))
    return None


def _reason(file: Path, location: tuple[int | str, ...], reason: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{key.lstrip('.') or file.stem}: {reason.removeprefix('Value error, ')}"
