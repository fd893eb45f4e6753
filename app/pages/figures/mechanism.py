"""Figure: how the drug is thought to work, in numbered steps at a synapse."""

from itertools import accumulate
from textwrap import wrap
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.clinic.models import FrozenModel
from app.pages.figures.base import Figure, Label, References, TableRow, Text

DRAWING_HEIGHT = 15.2  # em
LINE_WIDTH = 30  # characters of a line below the drawing, on a narrow screen
TITLE_HEIGHT, LINE_HEIGHT = 1.9, 1.35  # em


class MechanismStep(FrozenModel):
    """A step of the model. ``animal_study``: it is known from animal studies only."""

    title: Label
    detail: Text
    animal_study: bool = False
    references: Annotated[References, Field(min_length=1)]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(wrap(self.detail, LINE_WIDTH))

    @property
    def height(self) -> float:
        """The height of the text below the title."""
        return LINE_HEIGHT * (len(self.lines) + self.animal_study)


class Mechanism(Figure):
    """A model in four steps, whose numbers appear in the drawing."""

    kind: Literal["mechanism"]
    sending_cell: Label
    receiving_cell: Label
    blocked_receptor: Label
    activated_receptor: Label
    drug: Label
    neurotransmitter: Label
    animal_study_label: Label
    steps: Annotated[tuple[MechanismStep, ...], Field(min_length=4, max_length=4)]

    columns: ClassVar = ("Step", "What is thought to happen", "Known from")

    @property
    def positioned_steps(self) -> tuple[tuple[float, MechanismStep], ...]:
        """Each step with the ``y`` of its title."""
        heights = (TITLE_HEIGHT + step.height for step in self.steps)
        return tuple(
            zip(accumulate(heights, initial=DRAWING_HEIGHT + 1.6), self.steps, strict=False)
        )

    @property
    def height(self) -> float:
        y, step = self.positioned_steps[-1]
        return y + step.height + 0.4

    @property
    def rows(self) -> tuple[TableRow, ...]:
        return tuple(
            TableRow(
                (
                    f"{number}. {step.title}",
                    step.detail,
                    self.animal_study_label if step.animal_study else "Reviews of studies",
                ),
                step.references,
            )
            for number, step in enumerate(self.steps, 1)
        )
