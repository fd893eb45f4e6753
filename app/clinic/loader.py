"""Reads and validates the clinic's files."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from app.clinic import toml_reader
from app.clinic.errors import ClinicError, FileIssue, IssueCollector, line_of
from app.clinic.models import CRISIS_PHRASES_FILE, Clinic, CrisisPhrases, FrozenModel

Model = TypeVar("Model", bound=FrozenModel)


def load_clinic(folder: Path) -> Clinic:
    """Read ``folder/clinic.toml``, and ``crisis-phrases.toml`` if there is one.

    Raises ClinicError, which names file, line, key and reason of each error.
    """
    clinic = _read(folder / "clinic.toml", Clinic)
    phrases = folder / CRISIS_PHRASES_FILE
    if "crisis_phrases" in clinic.model_fields_set:
        raise ClinicError(f"{folder}/clinic.toml: crisis_phrases: move this to {phrases.name}")
    if not phrases.exists():
        return clinic
    return clinic.model_copy(update={"crisis_phrases": _read(phrases, CrisisPhrases)})


def _read(file: Path, model: type[Model]) -> Model:
    issues = IssueCollector()
    text = toml_reader.read_text(file, issues) or ""
    issues.raise_if_any()
    table = toml_reader.parse(file, text, issues)
    issues.raise_if_any()
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise ClinicError.from_issues(_issues(file, text, error)) from None


def _issues(file: Path, text: str, error: ValidationError) -> list[FileIssue]:
    issues = []
    for item in error.errors():
        location = item["loc"]
        # A missing key has no line, so this is the line of its table.
        line = line_of(text, location[:-1] if item["type"] == "missing" else location)
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
        reason = item["msg"].removeprefix("Value error, ")
        issues.append(FileIssue(file, line, f"{key.lstrip('.') or file.stem}: {reason}"))
    return issues
