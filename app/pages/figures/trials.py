"""What trials found: ketamine beside its comparison, a panel with its own axis per measure."""

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

LEFT, RIGHT = 14.0, 86.0  # percent: the ends of an axis; labels stand outside it
HEAD, AXIS = 3.1, 1.3  # em
BARE, DOTS, RANGE = 3.4, 5.0, 5.9  # em: a row of words alone, with dots, with a range
CIRCUMSTANCES = 39  # characters that fit one line on a narrow screen


class Trial(FigureModel):
    """A trial, or several pooled. Without ``ketamine`` its finding is told in words only."""

    name: Label
    people: Annotated[int, Field(gt=0)]
    counted: Label = "people"  # "treated" where a source counts these only
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
        """Every number that is drawn."""
        values = (self.ketamine, self.comparison, self.low, self.high)
        return tuple(value for value in values if value is not None)

    @property
    def height(self) -> float:
        if self.low is not None:
            return RANGE
        return DOTS if self.drawn else BARE

    @property
    def circumstances(self) -> str:
        return f"{self.people} {self.counted}, {self.when}, vs {self.against}"


class Panel(FigureModel):
    """Trials that used one measure. ``none`` is where the axis says "no difference"."""

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
    def _numbers_lie_on_the_axis(self) -> Self:
        if not self.least < self.most or (self.logarithmic and self.least <= 0):
            raise ValueError("least must be below most, and above 0 where logarithmic")
        for trial in self.trials:
            low, high = trial.low, trial.high
            if any(not self.least <= value <= self.most for value in trial.drawn):
                raise ValueError(f"{trial.name}: a number lies outside least to most")
            if (low is None) != (high is None):
                raise ValueError(f"{trial.name}: low and high go together")
            if low is not None and high is not None and not low <= (trial.ketamine or 0) <= high:
                raise ValueError(f"{trial.name}: ketamine must lie between low and high")
            if len(trial.circumstances) > CIRCUMSTANCES:
                raise ValueError(f"{trial.name}: too long for one line: {trial.circumstances}")
            if not trial.drawn and not trial.verdict:
                raise ValueError(f"{trial.name}: give a number or a verdict")
        return self

    def x(self, value: float) -> float:
        turn = math.log if self.logarithmic else float
        least, most = turn(self.least), turn(self.most)
        return LEFT + (RIGHT - LEFT) * (turn(value) - least) / (most - least)

    def say(self, value: float) -> str:
        return f"{format_number(value)}{self.unit}"

    @property
    def placed(self) -> tuple[tuple[float, Trial], ...]:
        """Each trial beside the ``y`` of its name."""
        heights = [trial.height for trial in self.trials]
        return tuple(zip(accumulate([HEAD + 1.2, *heights]), self.trials, strict=False))

    @property
    def bottom(self) -> float:
        return HEAD + sum(trial.height for trial in self.trials)

    @property
    def has_axis(self) -> bool:
        return any(trial.drawn for trial in self.trials)

    @property
    def height(self) -> float:
        return self.bottom + (AXIS if self.has_axis else 0)


class Trials(Figure):
    """Panels from top to bottom, each a drawing of its own, so that paper can break between."""

    kind: Literal["trials"]
    panels: Annotated[tuple[Panel, ...], Field(min_length=1)]

    columns: ClassVar = ("Trial", "People", "Measure and time", "Ketamine, and its comparison")

    @property
    def height(self) -> float:
        """Of the key; each panel has its own."""
        return 1.4

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(_row(panel, trial) for panel in self.panels for trial in panel.trials)


def _row(panel: Panel, trial: Trial) -> TableRow:
    people = str(trial.people) if trial.counted == "people" else f"{trial.people} {trial.counted}"
    if trial.pooled:
        people += f", {trial.pooled} trials"
    measure = f"{panel.title}. {panel.measure}. {trial.when.capitalize()}"
    found = ". ".join(filter(None, (_numbers(panel, trial), trial.verdict)))
    return TableRow((trial.name, people, measure, found), trial.references)


def _numbers(panel: Panel, trial: Trial) -> str:
    """``60%; with salt water 50%``."""
    if trial.ketamine is None:
        return f"Against {trial.against}"
    said = panel.say(trial.ketamine)
    if trial.low is not None and trial.high is not None:
        said += f" (95% range {panel.say(trial.low)} to {panel.say(trial.high)})"
    if trial.comparison is None:
        return f"{said}, against {trial.against}"
    return f"{said}; with {trial.against} {panel.say(trial.comparison)}"
