"""Figures: ``clinic/figures/NAME.toml`` has the data, ``::: figure NAME`` shows it on a page."""

from collections.abc import Container, Mapping
from pathlib import Path

from app.clinic import toml_reader
from app.clinic.errors import IssueCollector, line_of
from app.pages.figures.base import Figure
from app.pages.figures.effect_duration import EffectDuration
from app.pages.figures.mechanism import Mechanism
from app.pages.figures.trials import Trials
from app.pages.figures.visit_timeline import VisitTimeline

KINDS: Mapping[str, type[Figure]] = {
    "effect_duration": EffectDuration,
    "mechanism": Mechanism,
    "trials": Trials,
    "visit_timeline": VisitTimeline,
}


def load_figures(
    folder: Path, sources: Container[str], issues: IssueCollector
) -> dict[str, Figure | None]:
    """The figures of ``folder`` by name; None, and the reasons in ``issues``, for an invalid one.

    ``sources`` are the keys of references.toml, which figures can cite.
    """
    return {file.stem: _read(file, sources, issues) for file in sorted(folder.glob("[!.]*.toml"))}


def _read(file: Path, sources: Container[str], issues: IssueCollector) -> Figure | None:
    if (text := toml_reader.read_text(file, issues)) is None:
        return None
    if (table := toml_reader.parse(file, text, issues)) is None:
        return None
    if not (kind := KINDS.get(str(table.get("kind")))):
        reason = f"kind: must be one of {', '.join(KINDS)}"
        issues.add(file, line_of(text, ("kind",)), reason)
        return None
    figure = toml_reader.validate(kind, table, file, text, issues)
    for key in figure.references if figure else ():
        if key not in sources:
            line = text.count("\n", 0, max(text.find(f'"{key}"'), 0)) + 1
            issues.add(file, line, f"references: {key} is not in references.toml")
    return figure
