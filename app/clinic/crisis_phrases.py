"""The reviewed list of words that may mean danger: ``danger.toml`` in the clinic's folder."""

import datetime as dt
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from app.clinic.frozen import Frozen, Line

FILE = "danger.toml"
SHIPPED = Path(__file__).parents[2] / "clinic" / FILE  # for a clinic without a list of its own

Phrase = Annotated[
    str, StringConstraints(max_length=80, pattern=r"^[^\W_]+( [^\W_]+)*\*?$", to_lower=True)
]


class DangerWords(Frozen):
    """Phrases by language, what denies them, what may stand between, what is passed over.

    ``word*`` is every word that begins so.
    """

    phrases: dict[str, tuple[Phrase, ...]] = Field(min_length=1)
    denials: tuple[Phrase, ...] = Field(default=(), alias="not")
    between: tuple[Phrase, ...] = ()
    but_not_after: tuple[Phrase, ...] = ()
    skipped: tuple[Phrase, ...] = ()
    reviewer: Line | None = None
    reviewed: dt.date | None = None


@cache
def shipped() -> DangerWords:
    """The list that comes with Frontdesk."""
    return DangerWords.model_validate(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
