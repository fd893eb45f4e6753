"""The base of all figures: a description for screen readers, and the data as a table."""

from enum import Enum
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, StringConstraints

from app.clinic.models import FrozenModel
from app.pages.front_matter import ReferenceKey

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Fits one line on a screen 320 pixels wide at the font size of figures.
Label = Annotated[Text, Field(max_length=27)]
Title = Annotated[Text, Field(max_length=34)]
Hours = Annotated[float, Field(gt=0)]
References = tuple[ReferenceKey, ...]


class Layout(Enum):
    """For phones and for wider screens. The value is the width of the drawing in em."""

    NARROW = 20.0
    WIDE = 45.0

    @property
    def width(self) -> float:
        return self.value

    @property
    def is_wide(self) -> bool:
        return self is Layout.WIDE


class TableRow(NamedTuple):
    """A row of the figure's table. The citations follow the first cell."""

    cells: tuple[str, ...]
    references: References = ()


class Figure(FrozenModel):
    """A figure's file. Vertical lengths are in em, horizontal positions in percent.

    Each kind has a template of its own in ``templates/figures``.
    """

    title: Text
    description: Text  # for screen readers
    printed: bool = True  # false for a figure that does not fit on paper

    columns: ClassVar[tuple[str, ...]]

    def height(self, layout: Layout) -> float:
        """The height of the drawing in em."""
        raise NotImplementedError

    @property
    def rows(self) -> tuple[TableRow, ...]:
        """The rows of the table, which has every value of the drawing."""
        raise NotImplementedError

    @property
    def references(self) -> References:
        """The sources of the figure, in the order of the table."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row.references))


def format_number(value: float, decimals: int = 2) -> str:
    """``value`` without trailing zeros: 24, 1.5, 9.87."""
    return f"{round(value, decimals):g}"
