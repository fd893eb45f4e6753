"""Figure: the duration of effects as bars over hours, with the time without driving."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.clinic.models import FrozenModel
from app.pages.figures.base import (
    Figure,
    Hours,
    Label,
    Layout,
    References,
    TableRow,
    Text,
    format_number,
)

LEFT, RIGHT = 2.0, 98.0  # percent: the positions of the first and the last hour
TOP, ROW_HEIGHT = 4.7, 3.5  # em


class Effect(FrozenModel):
    """An effect that lasts ``hours``, or up to ``max_hours`` if its source gives a range.

    No bar is drawn without ``hours``, and an empty one for a ``rare`` effect.
    """

    label: Label
    hours: Hours | None = None
    max_hours: Hours | None = None
    note: Label
    rare: bool = False
    references: References

    @property
    def duration(self) -> str:
        """``1.5 h`` or ``1 to 2 h``; empty if unknown."""
        hours = (format_number(value) for value in (self.hours, self.max_hours) if value)
        return f"{' to '.join(hours)} h" if self.hours else ""


class DrivingRule(FrozenModel):
    """No driving for ``hours``, and not before ``condition`` is met."""

    label: Label
    hours: Hours
    condition: Label
    references: References


class EffectDuration(Figure):
    """Bars over ``axis_max`` hours. Raises ValueError if one is longer than that."""

    kind: Literal["effect_duration"]
    axis_max: Hours
    axis_label: Text
    ticks: tuple[float, ...]
    driving: DrivingRule
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)]

    columns: ClassVar = ("Effect", "Duration", "What we know")

    @model_validator(mode="after")
    def _bars_fit(self) -> Self:
        for effect in self.effects:
            if (effect.max_hours or effect.hours or 0) > self.axis_max:
                raise ValueError(f"effects: {effect.label!r} is longer than axis_max")
            if effect.max_hours and effect.max_hours < (effect.hours or 0):
                raise ValueError(f"effects: {effect.label!r}: max_hours is less than hours")
        if max(self.driving.hours, *self.ticks) > self.axis_max:
            raise ValueError("driving.hours and ticks must not be more than axis_max")
        return self

    def x(self, hour: float) -> float:
        return LEFT + self.width(hour)

    def width(self, hours: float) -> float:
        return (RIGHT - LEFT) * hours / self.axis_max

    def y(self, index: int) -> float:
        """The ``y`` of the label of the effect at ``index``."""
        return TOP + ROW_HEIGHT * index

    @property
    def bottom(self) -> float:
        return self.y(len(self.effects)) - 0.6

    def height(self, layout: Layout) -> float:  # noqa: ARG002 - the bars fill any width
        return self.bottom + 2.9

    @property
    def rows(self) -> tuple[TableRow, ...]:
        rule = self.driving
        duration = f"{format_number(rule.hours)} h or more"
        return (
            TableRow((rule.label, duration, rule.condition), rule.references),
            *(
                TableRow((effect.label, effect.duration, effect.note), effect.references)
                for effect in self.effects
            ),
        )
