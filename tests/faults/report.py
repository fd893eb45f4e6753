"""The table of results."""

from collections.abc import Sequence

from tests.faults.fault_plan import SHORT_TIMES
from tests.faults.runner import Result

HEAD = (
    "fault", "database", "injected", "acknowledged", "delivered", "dead",
    "LOST", "DUP", "DUP allowed", "",
)  # fmt: skip


def row(result: Result) -> tuple[str, ...]:
    check = result.check
    numbers = (
        result.injected, check.acknowledged, check.delivered, check.dead,
        len(check.lost), len(check.duplicates), result.duplicates_allowed,
    )  # fmt: skip
    if result.skipped:
        return (result.scenario.name, result.database, *("-",) * 7, result.skipped)
    status = "ok" if result.passed else f"FAILED {result.error}".rstrip()
    return (result.scenario.name, result.database, *map(str, numbers), status)


def markdown(results: Sequence[Result]) -> str:
    """All results as a Markdown table with aligned columns."""
    rows = [HEAD, *(row(result) for result in results)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEAD))]
    lines = [_line(cells, widths) for cells in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def remarks(results: Sequence[Result]) -> str:
    """Notes on the scenarios, and every lost or duplicate inquiry of those that failed."""
    times = ", ".join(f"{name.rpartition('.')[2]} {s:g} s" for name, s in SHORT_TIMES.items())
    notes = {
        result.scenario.name: result.scenario.note for result in results if result.scenario.note
    }
    text = [f"Times are shortened in the processes under test: {times}."]
    text += [f"- {name}: {note}." for name, note in notes.items()]
    for result in results:
        if not result.passed:
            problems = [*result.check.lost[:10], *result.check.duplicates[:10], result.error]
            name = f"{result.scenario.name}, {result.database}"
            text += [f"{name}: {problem}" for problem in problems if problem]
    return "\n".join(text)
