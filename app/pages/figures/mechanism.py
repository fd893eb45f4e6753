"""How a drug is thought to act: a gap between two nerve cells, and its steps by number."""

import math
from textwrap import wrap
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.pages.figures.base import Figure, FigureModel, Label, References, TableRow, Text

DEEP = 15.2  # em, of the drawing
LINE_WIDTH = 30  # characters of a line beneath, on a narrow screen
STEP, LINE = 1.9, 1.35  # em
GOLDEN = math.pi * (3 - math.sqrt(5))  # spreads dots evenly, as in a sunflower
Point = tuple[float, float]


class MechanismStep(FigureModel):
    """A step of the model. ``animals``: what is known of it comes from animal studies."""

    title: Label
    detail: Text
    animals: bool = False
    references: Annotated[References, Field(min_length=1)]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(wrap(self.detail, LINE_WIDTH))


class Mechanism(Figure):
    """A model in four steps, the places of which the drawing numbers."""

    kind: Literal["mechanism"]
    sender: Label
    receiver: Label
    blocked: Label  # the receptor that the drug closes
    opened: Label  # the receptor that opens instead
    drug: Label
    messenger: Label
    dots: Annotated[int, Field(ge=5, le=60)]  # of the messenger, in the gap
    spines: Annotated[int, Field(ge=1, le=5)]  # new links
    animals: Label  # what is said where only animals were studied
    steps: Annotated[tuple[MechanismStep, ...], Field(min_length=4, max_length=4)]

    columns: ClassVar = ("Step", "What is thought to happen", "Known from")

    @property
    def burst(self) -> tuple[Point, ...]:
        """Where the dots of the messenger lie: a flat cloud around the middle of the gap."""
        return tuple(
            (4.6 * far * math.cos(nth * GOLDEN), 0.95 * far * math.sin(nth * GOLDEN))
            for nth in range(1, self.dots + 1)
            if (far := math.sqrt(nth / self.dots))
        )

    @property
    def links(self) -> tuple[float, ...]:
        """Where new links grow on the receiving cell."""
        return tuple(6.8 + 1.4 * (nth - (self.spines - 1) / 2) for nth in range(self.spines))

    @property
    def placed(self) -> tuple[tuple[float, MechanismStep], ...]:
        """Each step beside the ``y`` of its title."""
        y, found = DEEP + 1.6, []
        for step in self.steps:
            found.append((y, step))
            y += STEP + LINE * (len(step.lines) + step.animals)
        return tuple(found)

    @property
    def height(self) -> float:
        y, step = self.placed[-1]
        return y + LINE * (len(step.lines) + step.animals) + 0.4

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(
            TableRow(
                (f"{nth}. {step.title}", step.detail, self._known(step)),
                step.references,
            )
            for nth, step in enumerate(self.steps, 1)
        )

    def _known(self, step: MechanismStep) -> str:
        return self.animals if step.animals else "Reviews of studies"
