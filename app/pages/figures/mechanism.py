"""Figure: how the drug is thought to work, in numbered steps at a synapse."""

import math
from textwrap import wrap
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.pages.figures.base import Figure, FigureModel, Label, References, TableRow, Text

DRAWING_HEIGHT = 15.2  # em
LINE_WIDTH = 30  # characters of a line below the drawing, on a narrow screen
STEP_HEIGHT, LINE_HEIGHT = 1.9, 1.35  # em
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # spreads the dots evenly
Point = tuple[float, float]


class MechanismStep(FigureModel):
    """A step of the model. ``animals``: it is known from animal studies only."""

    title: Label
    detail: Text
    animals: bool = False
    references: Annotated[References, Field(min_length=1)]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(wrap(self.detail, LINE_WIDTH))


class Mechanism(Figure):
    """A model in four steps, whose numbers appear in the drawing."""

    kind: Literal["mechanism"]
    sender: Label
    receiver: Label
    blocked: Label  # the receptor that the drug closes
    opened: Label  # the receptor that opens instead
    drug: Label
    messenger: Label
    dots: Annotated[int, Field(ge=5, le=60)]  # of the messenger, in the synapse
    spines: Annotated[int, Field(ge=1, le=5)]  # new links
    animals: Label  # the note on steps known from animal studies
    steps: Annotated[tuple[MechanismStep, ...], Field(min_length=4, max_length=4)]

    columns: ClassVar = ("Step", "What is thought to happen", "Known from")

    @property
    def messenger_dots(self) -> tuple[Point, ...]:
        """Positions of the dots: a flat cloud around the middle of the synapse."""
        return tuple(
            (4.6 * radius * math.cos(n * GOLDEN_ANGLE), 0.95 * radius * math.sin(n * GOLDEN_ANGLE))
            for n in range(1, self.dots + 1)
            if (radius := math.sqrt(n / self.dots))
        )

    @property
    def spine_positions(self) -> tuple[float, ...]:
        """Where new connections grow on the receiving cell."""
        return tuple(6.8 + 1.4 * (n - (self.spines - 1) / 2) for n in range(self.spines))

    @property
    def positioned_steps(self) -> tuple[tuple[float, MechanismStep], ...]:
        """Each step with the ``y`` of its title."""
        y, positioned = DRAWING_HEIGHT + 1.6, []
        for step in self.steps:
            positioned.append((y, step))
            y += STEP_HEIGHT + LINE_HEIGHT * (len(step.lines) + step.animals)
        return tuple(positioned)

    @property
    def height(self) -> float:
        y, step = self.positioned_steps[-1]
        return y + LINE_HEIGHT * (len(step.lines) + step.animals) + 0.4

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(
            TableRow(
                (
                    f"{number}. {step.title}",
                    step.detail,
                    self.animals if step.animals else "Reviews of studies",
                ),
                step.references,
            )
            for number, step in enumerate(self.steps, 1)
        )
