"""The list of scenarios. Each is a function that makes one kind of trouble in a World."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.world import World

SQLITE, POSTGRES = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRES)

Trouble = Callable[[World], None]


@dataclass(frozen=True)
class Scenario:
    """``short``: also part of the short form. ``note``: what the table says beside it."""

    name: str
    trouble: Trouble
    on: tuple[str, ...] = BOTH
    short: bool = False
    note: str = ""


SCENARIOS: list[Scenario] = []


def scenario(
    name: str, *, on: tuple[str, ...] = BOTH, short: bool = False, note: str = ""
) -> Callable[[Trouble], Trouble]:
    """Put the function into the list, under ``name``."""

    def enter(trouble: Trouble) -> Trouble:
        SCENARIOS.append(Scenario(name, trouble, on, short, note))
        return trouble

    return enter
