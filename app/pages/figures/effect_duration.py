"""Figure: the duration of effects as bars over hours, with the time without driving."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.pages.figures.base import (
    Figure,
    FigureModel,
    Label,
    References,
    TableRow,
    Text,
    format_number,
)

LEFT, RIGHT = 2.0, 98.0  # percent: the positions of the first and the last hour
TOP, ROW = 4.7, 3.5  # em


class Effect(FigureModel):
    """An effect that lasts ``hours``, or up to ``longest`` if its source gives a range.

    No bar is drawn without ``hours``, and an empty one for a ``rare`` effect.
    """

    label: Label
    hours: Annotated[float, Field(gt=0)] | None = None
    longest: Annotated[float, Field(gt=0)] | None = None
    note: Label
    rare: bool = False
    references: References


class DrivingRule(FigureModel):
    """No driving for ``hours``, and not before the condition in ``also``."""

    label: Label
    hours: Annotated[float, Field(gt=0)]
    also: Label
    references: References


class EffectDuration(Figure):
    """Bars over ``most`` hours. Raises ValueError if one is longer than that."""

    kind: Literal["hours"]
    most: Annotated[float, Field(gt=0)]
    ticks: tuple[float, ...]
    start: Text  # what happens at hour 0
    driving: DrivingRule
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)]

    columns: ClassVar = ("Effect", "Duration", "What we know")

    @model_validator(mode="after")
    def _bars_fit(self) -> Self:
        for effect in self.effects:
            if (effect.longest or effect.hours or 0) > self.most:
                raise ValueError(f"effects: {effect.label!r} is longer than most")
            if effect.longest and effect.longest < (effect.hours or 0):
                raise ValueError(f"effects: {effect.label!r}: longest is less than hours")
        if max(self.driving.hours, *self.ticks) > self.most:
            raise ValueError("driving.hours and ticks must not be more than most")
        return self

    def x(self, hour: float) -> float:
        return LEFT + (RIGHT - LEFT) * hour / self.most

    def width(self, first: float, last: float) -> float:
        return self.x(last) - self.x(first)

    def y(self, index: int) -> float:
        """Of the label of the effect at ``index``."""
        return TOP + ROW * index

    @property
    def bottom(self) -> float:
        return TOP + ROW * len(self.effects) - 0.6

    @property
    def height(self) -> float:
        return self.bottom + 2.9

    @staticmethod
    def duration_text(effect: Effect) -> str:
        """``1.5 h`` or ``1 to 2 h``; empty if unknown."""
        if not effect.hours:
            return ""
        longest = f" to {format_number(effect.longest)}" if effect.longest else ""
        return f"{format_number(effect.hours)}{longest} h"

    @property
    def rows(self) -> tuple[TableRow, ...]:
        rule = self.driving
        first = TableRow(
            (rule.label, f"{format_number(rule.hours)} h or more", rule.also), rule.references
        )
        effects = (
            TableRow((effect.label, self.duration_text(effect), effect.note), effect.references)
            for effect in self.effects
        )
        return (first, *effects)
