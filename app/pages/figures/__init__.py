"""Figures: ``clinic/figures/NAME.toml`` holds the numbers, ``::: figure NAME`` draws them."""

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
    folder: Path, sources: Container[str], faults: IssueCollector
) -> dict[str, Figure | None]:
    """The figures of ``folder`` by name; None, and the reasons in ``faults``, for a faulty one.

    ``sources`` are the keys of references.toml: a figure cites no other.
    """
    figures = {file.stem: _read(file, faults) for file in sorted(folder.glob("*.toml"))}
    for name, figure in figures.items():
        for key in figure.references if figure else ():
            if key not in sources:
                file = folder / f"{name}.toml"
                line = _line_with(file.read_text(encoding="utf-8"), f'"{key}"')
                faults.add(file, line, f"references: {key} is not in references.toml")
    return figures


def _read(file: Path, faults: IssueCollector) -> Figure | None:
    if (text := toml_reader.read_text(file, faults)) is None:
        return None
    if (table := toml_reader.parse(file, text, faults)) is None:
        return None
    kind = KINDS.get(str(table.get("kind")))
    if not kind:
        faults.add(file, _line_with(text, "kind"), f"kind: must be one of {', '.join(KINDS)}")
        return None
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        for one in error.errors():
            place = ".".join(str(part) for part in one["loc"]) or "figure"
            faults.add(file, line_of(text, one["loc"]), f"{place}: {one['msg']}")
        return None


def _line_with(text: str, words: str) -> int:
    return text.count("\n", 0, max(text.find(words), 0)) + 1
