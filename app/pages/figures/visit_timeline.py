"""Figure: the timeline of a visit, steps from top to bottom with bars for longer periods."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.pages.figures.base import Figure, FigureModel, Label, References, TableRow, Text

DETAIL_WIDTH = 25  # characters of a line next to the bars, on a narrow screen
TITLE_HEIGHT, LINE_HEIGHT, GAP, BAND_HEADER = 1.5, 1.35, 1.1, 2.2  # em


class Step(FigureModel):
    """Something that happens at a place."""

    title: Label
    detail: Text
    place: Label
    references: References = ()


class Span(FigureModel):
    """Something that lasts from step number ``first`` to step number ``last``."""

    label: Label
    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]
    warning: bool = False


@dataclass(frozen=True)
class PositionedStep:
    """A step, the ``y`` of its title and the wrapped lines of its detail."""

    step: Step
    y: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class VerticalBar:
    """A band or bar that starts at ``y`` and goes down."""

    label: str
    y: float
    height: float
    warning: bool = False


class VisitTimeline(Figure):
    """Steps in order. Raises ValueError for a span that is not between two steps."""

    kind: Literal["visit"]
    steps: Annotated[tuple[Step, ...], Field(min_length=2)]
    spans: Annotated[tuple[Span, ...], Field(max_length=2)] = ()

    columns: ClassVar = ("Step", "Where", "What happens")

    @model_validator(mode="after")
    def _spans_fit_the_steps(self) -> Self:
        for span in self.spans:
            if not span.first <= span.last <= len(self.steps):
                raise ValueError(
                    f"span {span.label!r} must go from a step to the same or a later step"
                )
        return self

    @property
    def positioned_steps(self) -> tuple[PositionedStep, ...]:
        y, place, positioned = 0.0, "", []
        for step in self.steps:
            y += BAND_HEADER if step.place != place else 0
            lines = tuple(wrap(step.detail, DETAIL_WIDTH))
            positioned.append(PositionedStep(step, y + TITLE_HEIGHT, lines))
            y, place = y + TITLE_HEIGHT + LINE_HEIGHT * len(lines) + GAP, step.place
        return tuple(positioned)

    @property
    def height(self) -> float:
        last = self.positioned_steps[-1]
        return last.y + LINE_HEIGHT * len(last.lines) + 0.9

    @property
    def bands(self) -> tuple[VerticalBar, ...]:
        """A background for consecutive steps at one place, with its name at the top."""
        steps = self.positioned_steps
        starts = [
            current
            for previous, current in zip((None, *steps), steps, strict=False)
            if previous is None or previous.step.place != current.step.place
        ]
        tops = [start.y - TITLE_HEIGHT - BAND_HEADER + 0.3 for start in starts]
        ends = [*tops[1:], self.height + 0.3]
        return tuple(
            VerticalBar(start.step.place, top, end - top - 0.5)
            for start, top, end in zip(starts, tops, ends, strict=True)
        )

    @property
    def bars(self) -> tuple[VerticalBar, ...]:
        tops = [step.y - 1 for step in self.positioned_steps]
        ends = [step.y + LINE_HEIGHT * len(step.lines) for step in self.positioned_steps]
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
                (span.label, "", f"From “{self._title(span.first)}” to “{self._title(span.last)}”")
            )
            for span in self.spans
        )

    def _title(self, number: int) -> str:
        return self.steps[number - 1].title
