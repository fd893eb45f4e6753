"""Figure: the timeline of a visit, steps from top to bottom with bars for longer periods."""

from itertools import groupby
from textwrap import wrap
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from app.clinic.models import FrozenModel
from app.pages.figures.base import Figure, Label, Layout, References, TableRow, Text

# Characters of a line next to the bars, and in a bar. The text of a narrow bar is turned.
DETAIL_WIDTH = {Layout.NARROW: 26, Layout.WIDE: 56}
BAR_TEXT_WIDTH = 14
TITLE_HEIGHT, LINE_HEIGHT, GAP, BAND_HEADER, BAND_PADDING = 1.5, 1.35, 1.1, 2.2, 0.9  # em


class Step(FrozenModel):
    """Something that happens at a place."""

    title: Label
    detail: Text
    place: Label
    references: References = ()


class Span(FrozenModel):
    """Something that lasts from step number ``first_step`` to step number ``last_step``."""

    label: Label
    first_step: Annotated[int, Field(ge=1)]
    last_step: Annotated[int, Field(ge=1)]
    warning: bool = False


class PositionedStep(NamedTuple):
    """A step, the ``y`` of its title and the wrapped lines of its detail."""

    step: Step
    y: float
    lines: list[str]

    @property
    def bottom(self) -> float:
        return self.y + LINE_HEIGHT * len(self.lines)


class VerticalBar(NamedTuple):
    """A band or bar that starts at ``y`` and goes down."""

    label: str
    y: float
    height: float
    warning: bool = False

    @property
    def lines(self) -> list[str]:
        return wrap(self.label, BAR_TEXT_WIDTH)


class VisitTimeline(Figure):
    """Steps in order. Raises ValueError for a span that is not between two steps."""

    kind: Literal["visit_timeline"]
    steps: Annotated[tuple[Step, ...], Field(min_length=2)]
    spans: Annotated[tuple[Span, ...], Field(max_length=2)] = ()

    columns: ClassVar = ("Step", "Where", "What happens")

    @model_validator(mode="after")
    def _spans_fit_the_steps(self) -> Self:
        for span in self.spans:
            if not span.first_step <= span.last_step <= len(self.steps):
                raise ValueError(
                    f"span {span.label!r} must go from a step to the same or a later step"
                )
        return self

    def positioned_steps(self, layout: Layout) -> tuple[PositionedStep, ...]:
        y, place, positioned = 0.0, "", []
        for step in self.steps:
            y += TITLE_HEIGHT + (BAND_HEADER if step.place != place else 0)
            positioned.append(PositionedStep(step, y, wrap(step.detail, DETAIL_WIDTH[layout])))
            y, place = positioned[-1].bottom + GAP, step.place
        return tuple(positioned)

    def height(self, layout: Layout) -> float:
        return self.positioned_steps(layout)[-1].bottom + BAND_PADDING

    def bands(self, layout: Layout) -> tuple[VerticalBar, ...]:
        """A background for consecutive steps at one place, with its name at the top."""
        bands = []
        for place, group in groupby(
            self.positioned_steps(layout), lambda positioned: positioned.step.place
        ):
            steps = list(group)
            top = steps[0].y - TITLE_HEIGHT - BAND_HEADER + 0.3
            bands.append(VerticalBar(place, top, steps[-1].bottom + BAND_PADDING - top))
        return tuple(bands)

    def bars(self, layout: Layout) -> tuple[VerticalBar, ...]:
        steps, bars = self.positioned_steps(layout), []
        for span in self.spans:
            top = steps[span.first_step - 1].y - 1
            height = steps[span.last_step - 1].bottom - top
            bars.append(VerticalBar(span.label, top, height, span.warning))
        return tuple(bars)

    @property
    def rows(self) -> tuple[TableRow, ...]:
        steps = [
            TableRow((step.title, step.place, step.detail), step.references) for step in self.steps
        ]
        spans = [TableRow((span.label, "", self._period(span))) for span in self.spans]
        return (*steps, *spans)

    def _period(self, span: Span) -> str:
        first, last = self.steps[span.first_step - 1], self.steps[span.last_step - 1]
        return f"From “{first.title}” to “{last.title}”"
