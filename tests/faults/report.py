"""The table that the bench prints."""

from collections.abc import Sequence

from tests.faults.fault_plan import SHORT_TIMES
from tests.faults.runner import Result

HEAD = (
    "fault", "database", "injected", "acknowledged", "delivered", "dead",
    "LOST", "DUP", "DUP allowed", "",
)  # fmt: skip


def row(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    verdict = result.verdict
    numbers = (
        result.injected, verdict.acknowledged, verdict.delivered, verdict.dead,
        len(verdict.lost), len(verdict.dup), result.dup_allowed,
    )  # fmt: skip
    if result.missing:
        return (result.scenario.name, result.database, *("-",) * 7, result.missing)
    end = "ok" if result.held else f"BROKEN {result.wrong}".rstrip()
    return (result.scenario.name, result.database, *map(str, numbers), end)


def markdown(results: Sequence[Result]) -> str:
    """All lines, as a Markdown table with aligned columns."""
    lines = [HEAD, *(row(result) for result in results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = [_joined(line, widths) for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _joined(line: Sequence[str], widths: Sequence[int]) -> str:
    return (
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
    )


def remarks(results: Sequence[Result]) -> str:
    """What a reader of the table must know, and each thing that was lost or doubled."""
    times = ", ".join(f"{name.rpartition('.')[2]} {s:g} s" for name, s in SHORT_TIMES.items())
    notes = {one.scenario.name: one.scenario.note for one in results if one.scenario.note}
    text = [f"Times are shortened in the processes under test: {times}."]
    text += [f"- {name}: {note}." for name, note in notes.items()]
    for one in results:
        if not one.held:
            found = [*one.verdict.lost[:10], *one.verdict.dup[:10], one.wrong]
            text += [f"{one.scenario.name}, {one.database}: {why}" for why in found if why]
    return "\n".join(text)
