"""Figure: trial results, ketamine and its comparison, with one panel and axis per measure."""

import math
from itertools import accumulate
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.pages.figures.base import (
    Figure,
    FigureModel,
    Label,
    References,
    TableRow,
    Title,
    format_number,
)

LEFT, RIGHT = 14.0, 86.0  # percent: the ends of an axis; labels are outside
HEADER_HEIGHT, AXIS_HEIGHT = 3.1, 1.3  # em
TEXT_HEIGHT, DOTS_HEIGHT, RANGE_HEIGHT = 3.4, 5.0, 5.9  # em, of a trial
MAX_CIRCUMSTANCES = 39  # characters that fit one line on a narrow screen


class Trial(FigureModel):
    """A trial, or several pooled. Without ``ketamine`` its result is only described in words."""

    name: Label
    people: Annotated[int, Field(gt=0)]
    counted: Label = "people"  # "treated" if the source counts only these
    pooled: Annotated[int, Field(gt=1)] | None = None
    against: Label
    when: Label
    ketamine: float | None = None
    comparison: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Label | None = None
    references: Annotated[References, Field(min_length=1)]

    @property
    def drawn(self) -> tuple[float, ...]:
        """All numbers in the drawing."""
        values = (self.ketamine, self.comparison, self.low, self.high)
        return tuple(value for value in values if value is not None)

    @property
    def height(self) -> float:
        if self.low is not None:
            return RANGE_HEIGHT
        return DOTS_HEIGHT if self.drawn else TEXT_HEIGHT

    @property
    def circumstances(self) -> str:
        return f"{self.people} {self.counted}, {self.when}, vs {self.against}"


class Panel(FigureModel):
    """Trials with the same measure. ``none`` is the value that means "no difference"."""

    title: Title
    measure: Title
    unit: str
    least: float
    most: float
    ticks: tuple[float, ...]
    logarithmic: bool = False
    none: float | None = None
    trials: Annotated[tuple[Trial, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _numbers_fit_the_axis(self) -> Self:
        if not self.least < self.most or (self.logarithmic and self.least <= 0):
            raise ValueError("least must be below most, and above 0 if logarithmic")
        for trial in self.trials:
            low, high = trial.low, trial.high
            if any(not self.least <= value <= self.most for value in trial.drawn):
                raise ValueError(f"{trial.name}: a number is not between least and most")
            if (low is None) != (high is None):
                raise ValueError(f"{trial.name}: low and high must be given together")
            if low is not None and high is not None and not low <= (trial.ketamine or 0) <= high:
                raise ValueError(f"{trial.name}: ketamine must be between low and high")
            if len(trial.circumstances) > MAX_CIRCUMSTANCES:
                raise ValueError(f"{trial.name}: too long for one line: {trial.circumstances}")
            if not trial.drawn and not trial.verdict:
                raise ValueError(f"{trial.name}: give a number or a verdict")
        return self

    def x(self, value: float) -> float:
        scale = math.log if self.logarithmic else float
        least, most = scale(self.least), scale(self.most)
        return LEFT + (RIGHT - LEFT) * (scale(value) - least) / (most - least)

    def format_value(self, value: float) -> str:
        return f"{format_number(value)}{self.unit}"

    @property
    def positioned_trials(self) -> tuple[tuple[float, Trial], ...]:
        """Each trial with the ``y`` of its name."""
        heights = [trial.height for trial in self.trials]
        return tuple(zip(accumulate([HEADER_HEIGHT + 1.2, *heights]), self.trials, strict=False))

    @property
    def bottom(self) -> float:
        return HEADER_HEIGHT + sum(trial.height for trial in self.trials)

    @property
    def has_axis(self) -> bool:
        return any(trial.drawn for trial in self.trials)

    @property
    def height(self) -> float:
        return self.bottom + (AXIS_HEIGHT if self.has_axis else 0)


class Trials(Figure):
    """Panels from top to bottom, each its own SVG, so that pages can break between them."""

    kind: Literal["trials"]
    panels: Annotated[tuple[Panel, ...], Field(min_length=1)]

    columns: ClassVar = ("Trial", "People", "Measure and time", "Ketamine, and its comparison")

    @property
    def height(self) -> float:
        """The height of the legend; each panel has its own height."""
        return 1.4

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(_row(panel, trial) for panel in self.panels for trial in panel.trials)


def _row(panel: Panel, trial: Trial) -> TableRow:
    people = str(trial.people) if trial.counted == "people" else f"{trial.people} {trial.counted}"
    if trial.pooled:
        people += f", {trial.pooled} trials"
    measure = f"{panel.title}. {panel.measure}. {trial.when.capitalize()}"
    result = ". ".join(filter(None, (_numbers(panel, trial), trial.verdict)))
    return TableRow((trial.name, people, measure, result), trial.references)


def _numbers(panel: Panel, trial: Trial) -> str:
    """``60%; with salt water 50%``."""
    if trial.ketamine is None:
        return f"Against {trial.against}"
    text = panel.format_value(trial.ketamine)
    if trial.low is not None and trial.high is not None:
        text += f" (95% range {panel.format_value(trial.low)} to {panel.format_value(trial.high)})"
    if trial.comparison is None:
        return f"{text}, against {trial.against}"
    return f"{text}; with {trial.against} {panel.format_value(trial.comparison)}"
