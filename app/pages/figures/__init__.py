"""Figures: ``clinic/figures/NAME.toml`` has the data, ``::: figure NAME`` shows it on a page."""

from collections.abc import Container, Mapping
from pathlib import Path

from pydantic import ValidationError

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector, line_of
from app.pages.figures.base import Figure
from app.pages.figures.effect_duration import EffectDuration
from app.pages.figures.mechanism import Mechanism
from app.pages.figures.trials import Trials
from app.pages.figures.visit_timeline import VisitTimeline

KINDS: Mapping[str, type[Figure]] = {
    "hours": EffectDuration,
    "mechanism": Mechanism,
    "trials": Trials,
    "visit": VisitTimeline,
}


def load_figures(
    folder: Path, sources: Container[str], issues: IssueCollector
) -> dict[str, Figure | None]:
    """The figures of ``folder`` by name; None, and the reasons in ``issues``, for an invalid one.

    ``sources`` are the keys of references.toml, which figures can cite.
    """
    figures = {file.stem: _read(file, issues) for file in sorted(folder.glob("*.toml"))}
    for name, figure in figures.items():
        for key in figure.references if figure else ():
            if key not in sources:
                file = folder / f"{name}.toml"
                line = _line_containing(file.read_text(encoding="utf-8"), f'"{key}"')
                issues.add(file, line, f"references: {key} is not in references.toml")
    return figures


def _read(file: Path, issues: IssueCollector) -> Figure | None:
    if (text := toml_reader.read_text(file, issues)) is None:
        return None
    if (table := toml_reader.parse(file, text, issues)) is None:
        return None
    kind = KINDS.get(str(table.get("kind")))
    if not kind:
        reason = f"kind: must be one of {', '.join(KINDS)}"
        issues.add(file, _line_containing(text, "kind"), reason)
        return None
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        for detail in error.errors():
            name = ".".join(str(part) for part in detail["loc"]) or "figure"
            issues.add(file, line_of(text, detail["loc"]), f"{name}: {detail['msg']}")
        return None


def _line_containing(text: str, part: str) -> int:
    return text.count("\n", 0, max(text.find(part), 0)) + 1
