"""Reads and validates the clinic's files."""

from pathlib import Path

from app.clinic import toml_reader
from app.clinic.errors import ClinicError, IssueCollector
from app.clinic.models import CRISIS_PHRASES_FILE, Clinic, CrisisPhrases
from app.clinic.toml_reader import Model


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
    table = toml_reader.parse(file, text, issues) or {}
    issues.raise_if_any()
    result = toml_reader.validate(model, table, file, text, issues)
    issues.raise_if_any()
    assert result
    return result
