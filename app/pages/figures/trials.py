"""Figure: trial results, ketamine and its comparator, with one panel and axis per measure."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from app.clinic.models import FrozenModel
from app.pages.figures.base import Figure, Label, Layout, References, TableRow, Title, format_number

LEFT, RIGHT = 14.0, 86.0  # percent: the ends of an axis; labels are outside
LEGEND_HEIGHT, PANEL_GAP = 2.2, 1.2  # em
COLUMN_WIDTH = 47.0  # percent, of two
HEADER_HEIGHT, AXIS_HEIGHT = 3.1, 1.3  # em
TEXT_HEIGHT, DOTS_HEIGHT, INTERVAL_HEIGHT = 3.4, 5.0, 5.9  # em, of a trial
MAX_SUMMARY = 41  # characters that fit one line on a narrow screen


class Trial(FrozenModel):
    """A trial, or several pooled.

    Without ``ketamine_value`` its result is only described in words, in ``finding``.
    ``confidence_interval`` is the 95% interval of that value.
    """

    name: Label
    participants: Annotated[int, Field(gt=0)]
    participants_label: Label = "people"  # "treated" if the source counts only these
    pooled_trials: Annotated[int, Field(gt=1)] | None = None
    comparator: Label
    time_point: Label
    ketamine_value: float | None = None
    comparator_value: float | None = None
    confidence_interval: tuple[float, float] | None = None
    finding: Label | None = None
    references: Annotated[References, Field(min_length=1)]

    @property
    def values(self) -> tuple[float, ...]:
        """All numbers in the drawing."""
        values = (self.ketamine_value, self.comparator_value, *(self.confidence_interval or ()))
        return tuple(value for value in values if value is not None)

    @property
    def height(self) -> float:
        if self.confidence_interval:
            return INTERVAL_HEIGHT
        return DOTS_HEIGHT if self.values else TEXT_HEIGHT

    @property
    def summary(self) -> str:
        people = f"{self.participants:,} {self.participants_label}"
        return f"{people}, {self.time_point}, vs {self.comparator}"


class Panel(FrozenModel):
    """Trials with the same measure. ``no_effect`` is the value that means "no difference"."""

    title: Title
    measure: Title
    unit: str
    axis_min: float
    axis_max: float
    ticks: tuple[float, ...]
    log_scale: bool = False
    no_effect: float | None = None
    trials: Annotated[tuple[Trial, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _numbers_fit_the_axis(self) -> Self:
        if not self.axis_min < self.axis_max or (self.log_scale and self.axis_min <= 0):
            raise ValueError("axis_min must be below axis_max, and above 0 with log_scale")
        numbers = [("ticks", self.ticks), *((trial.name, trial.values) for trial in self.trials)]
        if self.no_effect is not None:
            numbers.append(("no_effect", (self.no_effect,)))
        for name, values in numbers:
            if any(not self.axis_min <= value <= self.axis_max for value in values):
                raise ValueError(f"{name}: a number is not between axis_min and axis_max")
        for trial in self.trials:
            low, high = trial.confidence_interval or (-math.inf, math.inf)
            if not low <= (trial.ketamine_value or 0) <= high:
                raise ValueError(f"{trial.name}: ketamine_value is not in confidence_interval")
            if len(trial.summary) > MAX_SUMMARY:
                raise ValueError(f"{trial.name}: too long for one line: {trial.summary}")
            if not trial.values and not trial.finding:
                raise ValueError(f"{trial.name}: give a number or a finding")
        return self

    def x(self, value: float) -> float:
        scale = math.log if self.log_scale else float
        start, end = scale(self.axis_min), scale(self.axis_max)
        return LEFT + (RIGHT - LEFT) * (scale(value) - start) / (end - start)

    def format_value(self, value: float) -> str:
        return f"{format_number(value)}{self.unit}"

    @property
    def positioned_trials(self) -> tuple[tuple[float, Trial], ...]:
        """Each trial with the ``y`` of its name."""
        heights = (trial.height for trial in self.trials)
        return tuple(
            zip(accumulate(heights, initial=HEADER_HEIGHT + 1.2), self.trials, strict=False)
        )

    @property
    def bottom(self) -> float:
        return HEADER_HEIGHT + sum(trial.height for trial in self.trials)

    @property
    def height(self) -> float:
        return self.bottom + AXIS_HEIGHT


class PositionedPanel(NamedTuple):
    """A panel with its left edge, its top and its width."""

    x: float
    y: float
    width: float
    panel: Panel


class Trials(Figure):
    """Panels from top to bottom, in two columns on a wide screen."""

    kind: Literal["trials"]
    panels: Annotated[tuple[Panel, ...], Field(min_length=1)]

    columns: ClassVar = ("Trial", "People", "Measure and time", "Ketamine, and its comparison")

    def positioned_panels(self, layout: Layout) -> tuple[PositionedPanel, ...]:
        """The panels below the legend."""
        column_width = COLUMN_WIDTH if layout.is_wide else 100.0
        positioned = []
        for number, column in enumerate(self._columns(layout)):
            y = LEGEND_HEIGHT
            for panel in column:
                x = number * (100 - column_width)
                positioned.append(PositionedPanel(x, y, column_width, panel))
                y += panel.height + PANEL_GAP
        return tuple(positioned)

    def height(self, layout: Layout) -> float:
        panels = self.positioned_panels(layout)
        return max(positioned.y + positioned.panel.height for positioned in panels)

    def _columns(self, layout: Layout) -> tuple[Sequence[Panel], ...]:
        """The panels in one column, or in two that are about equally high."""
        if not layout.is_wide:
            return (self.panels,)
        splits = ((self.panels[:at], self.panels[at:]) for at in range(1, len(self.panels) + 1))
        return min(splits, key=lambda columns: max(map(_column_height, columns)))

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(_row(panel, trial) for panel in self.panels for trial in panel.trials)


def _column_height(panels: Sequence[Panel]) -> float:
    return sum(panel.height + PANEL_GAP for panel in panels)


def _row(panel: Panel, trial: Trial) -> TableRow:
    people = f"{trial.participants:,}"
    if trial.participants_label != "people":
        people += f" {trial.participants_label}"
    if trial.pooled_trials:
        people += f", {trial.pooled_trials} trials"
    measure = f"{panel.title}. {panel.measure}. {trial.time_point.capitalize()}"
    result = ". ".join(filter(None, (_result(panel, trial), trial.finding)))
    return TableRow((trial.name, people, measure, result), trial.references)


def _result(panel: Panel, trial: Trial) -> str:
    """``60%; with salt water 50%``."""
    if trial.ketamine_value is None:
        return f"Compared with {trial.comparator}"
    text = panel.format_value(trial.ketamine_value)
    if trial.confidence_interval:
        low, high = map(panel.format_value, trial.confidence_interval)
        text += f" (95% range {low} to {high})"
    if trial.comparator_value is None:
        return f"{text}, compared with {trial.comparator}"
    return f"{text}; with {trial.comparator} {panel.format_value(trial.comparator_value)}"
