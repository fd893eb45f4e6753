"""How long effects last: a bar for each, hour by hour, and no driving drawn across them all."""

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

LEFT, RIGHT = 2.0, 98.0  # percent: where the first and the last hour stand
TOP, ROW = 4.7, 3.5  # em


class Effect(FigureModel):
    """An effect that lasts up to ``hours``, or ``longest`` where a source gives a range.

    Without ``hours`` no figure is known, and no bar is drawn; a ``rare`` one is drawn empty.
    """

    label: Label
    hours: Annotated[float, Field(gt=0)] | None = None
    longest: Annotated[float, Field(gt=0)] | None = None
    note: Label
    rare: bool = False
    references: References


class DrivingRule(FigureModel):
    """No driving for ``hours``, and what else it waits for."""

    label: Label
    hours: Annotated[float, Field(gt=0)]
    also: Label
    references: References


class EffectDuration(Figure):
    """Bars over ``most`` hours. Raises ValueError when one is longer than that."""

    kind: Literal["hours"]
    most: Annotated[float, Field(gt=0)]
    ticks: tuple[float, ...]
    start: Text  # what happens at hour 0
    driving: DrivingRule
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)]

    columns: ClassVar = ("Effect", "EffectDuration", "What we know")

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

    def y(self, nth: int) -> float:
        """Of the label of the effect at ``nth``, from 0."""
        return TOP + ROW * nth

    @property
    def bottom(self) -> float:
        return TOP + ROW * len(self.effects) - 0.6

    @property
    def height(self) -> float:
        return self.bottom + 2.9

    @staticmethod
    def lasts(effect: Effect) -> str:
        """``1.5 h``; empty when nobody knows."""
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
            TableRow((effect.label, self.lasts(effect), effect.note), effect.references)
            for effect in self.effects
        )
        return (first, *effects)
