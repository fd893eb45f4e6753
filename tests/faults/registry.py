"""The list of scenarios. Each is a function that makes one kind of trouble in a SiteUnderTest."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.site_under_test import SiteUnderTest

SQLITE, POSTGRES = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRES)

FaultFunction = Callable[[SiteUnderTest], None]


@dataclass(frozen=True)
class Scenario:
    """``short``: also part of the short form. ``note``: what the table says beside it."""

    name: str
    trouble: FaultFunction
    on: tuple[str, ...] = BOTH
    short: bool = False
    note: str = ""


SCENARIOS: list[Scenario] = []


def scenario(
    name: str, *, on: tuple[str, ...] = BOTH, short: bool = False, note: str = ""
) -> Callable[[FaultFunction], FaultFunction]:
    """Put the function into the list, under ``name``."""

    def enter(trouble: FaultFunction) -> FaultFunction:
        SCENARIOS.append(Scenario(name, trouble, on, short, note))
        return trouble

    return enter
