"""Figure: how the drug is thought to work, in numbered steps at a synapse."""

from itertools import accumulate
from textwrap import wrap
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.clinic.models import FrozenModel
from app.pages.figures.base import Figure, Label, Layout, References, TableRow, Text

DRAWING_HEIGHT = 15.2  # em
# Characters of a line below or beside the drawing.
LINE_WIDTH = {Layout.NARROW: 30, Layout.WIDE: 36}
TITLE_HEIGHT, LINE_HEIGHT = 1.9, 1.35  # em


class MechanismStep(FrozenModel):
    """A step of the model. ``animal_study``: it is known from animal studies only."""

    title: Label
    detail: Text
    animal_study: bool = False
    references: Annotated[References, Field(min_length=1)]

    def lines(self, layout: Layout) -> tuple[str, ...]:
        return tuple(wrap(self.detail, LINE_WIDTH[layout]))

    def height(self, layout: Layout) -> float:
        """The height of the text below the title."""
        return LINE_HEIGHT * (len(self.lines(layout)) + self.animal_study)


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

    def positioned_steps(self, layout: Layout) -> tuple[tuple[float, MechanismStep], ...]:
        """Each step with the ``y`` of its title."""
        heights = (TITLE_HEIGHT + step.height(layout) for step in self.steps)
        top = 1.2 if layout.is_wide else DRAWING_HEIGHT + 1.6
        return tuple(zip(accumulate(heights, initial=top), self.steps, strict=False))

    def height(self, layout: Layout) -> float:
        y, step = self.positioned_steps(layout)[-1]
        return max(DRAWING_HEIGHT, y + step.height(layout) + 0.4)

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
