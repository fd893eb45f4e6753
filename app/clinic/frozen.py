"""What every value from the clinic's files is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Frozen(BaseModel):
    """A value from the clinic's files: unknown keys refused, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")
