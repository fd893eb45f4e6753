"""What every figure has: words for those who cannot see it, and its numbers as a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.pages.front_matter import ReferenceKey

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# What must fit one line on a screen 320 pixels wide, at the size that we draw text.
Label = Annotated[Text, Field(max_length=27)]
Title = Annotated[Text, Field(max_length=34)]
References = Annotated[tuple[ReferenceKey, ...], Field(strict=False)]


class FigureModel(BaseModel):
    """A piece of a figure's file; an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class TableRow:
    """A row of the table beneath: the sources stand after the first cell."""

    cells: tuple[str, ...]
    references: tuple[str, ...] = ()


class Figure(FigureModel):
    """A figure as its file says it. Lengths are in em, positions across in percent."""

    kind: str
    title: Text
    description: Text  # what a figure shows, for those who hear it
    printed: bool = True  # false where the sheet of paper has no room for it

    columns: ClassVar[tuple[str, ...]]

    @property
    def height(self) -> float:
        """Of the drawing."""
        raise NotImplementedError

    @property
    def rows(self) -> tuple[TableRow, ...]:
        """The table of the numbers drawn."""
        raise NotImplementedError

    @property
    def wide(self) -> bool:
        return is_wide(len(self.columns))

    @property
    def references(self) -> tuple[str, ...]:
        """The sources of the figure, in the order in which the table names them."""
        return unique(key for row in self.rows for key in row.references)


def unique(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))


def format_number(value: float) -> str:
    """``value`` without needless zeros: 24, 1.5, 9.87."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


FIT = 2  # columns that fit the narrowest screen, so that no risk hides beyond its edge


def is_wide(columns: int) -> bool:
    """Whether a table of so many ``columns`` stands row by row on a phone."""
    return columns > FIT
