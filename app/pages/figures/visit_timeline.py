"""The course of a visit: steps from top to bottom, beside them what holds from when to when."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.pages.figures.base import Figure, FigureModel, Label, References, TableRow, Text

DETAIL_WIDTH = 25  # characters of a line beside the bars, on a narrow screen
TITLE, LINE, GAP, BAND = 1.5, 1.35, 1.1, 2.2  # em


class Step(FigureModel):
    """Something that happens, and where."""

    title: Label
    detail: Text
    place: Label
    references: References = ()


class Span(FigureModel):
    """What holds from the step numbered ``first`` to the step numbered ``last``."""

    label: Label
    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]
    warning: bool = False


@dataclass(frozen=True)
class PositionedStep:
    """A step where it is drawn: ``y`` of its title."""

    step: Step
    y: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class VerticalBar:
    """A band or a bar from ``y`` downward."""

    label: str
    y: float
    height: float
    warning: bool = False


class VisitTimeline(Figure):
    """Steps in their order. Raises ValueError for a span that ends at no step."""

    kind: Literal["visit"]
    steps: Annotated[tuple[Step, ...], Field(min_length=2)]
    spans: Annotated[tuple[Span, ...], Field(max_length=2)] = ()

    columns: ClassVar = ("Step", "Where", "What happens")

    @model_validator(mode="after")
    def _spans_lie_within(self) -> Self:
        for span in self.spans:
            if not span.first <= span.last <= len(self.steps):
                raise ValueError(f"span {span.label!r} must run from step to later step")
        return self

    @property
    def placed(self) -> tuple[PositionedStep, ...]:
        y, place, found = 0.0, "", []
        for step in self.steps:
            y += BAND if step.place != place else 0
            lines = tuple(wrap(step.detail, DETAIL_WIDTH))
            found.append(PositionedStep(step, y + TITLE, lines))
            y, place = y + TITLE + LINE * len(lines) + GAP, step.place
        return tuple(found)

    @property
    def height(self) -> float:
        last = self.placed[-1]
        return last.y + LINE * len(last.lines) + 0.9

    @property
    def bands(self) -> tuple[VerticalBar, ...]:
        """A ground for all steps at one place, its name at the top."""
        starts = [
            placed
            for before, placed in zip((None, *self.placed), self.placed, strict=False)
            if before is None or before.step.place != placed.step.place
        ]
        tops = [placed.y - TITLE - BAND + 0.3 for placed in starts]
        ends = [*tops[1:], self.height + 0.3]
        return tuple(
            VerticalBar(placed.step.place, top, end - top - 0.5)
            for placed, top, end in zip(starts, tops, ends, strict=True)
        )

    @property
    def bars(self) -> tuple[VerticalBar, ...]:
        tops = [placed.y - 1 for placed in self.placed]
        ends = [placed.y + LINE * len(placed.lines) for placed in self.placed]
        return tuple(
            VerticalBar(
                span.label,
                tops[span.first - 1],
                ends[span.last - 1] - tops[span.first - 1],
                span.warning,
            )
            for span in self.spans
        )

    @property
    def rows(self) -> tuple[TableRow, ...]:
        steps = tuple(
            TableRow((step.title, step.place, step.detail), step.references) for step in self.steps
        )
        return steps + tuple(
            TableRow(
                (span.label, "", f"From “{self._name(span.first)}” to “{self._name(span.last)}”")
            )
            for span in self.spans
        )

    def _name(self, nth: int) -> str:
        return self.steps[nth - 1].title
