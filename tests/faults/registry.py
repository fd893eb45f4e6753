"""The list of scenarios. Each is a function that causes one kind of fault in a SiteUnderTest."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.site_under_test import SiteUnderTest

SQLITE, POSTGRES = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRES)

FaultFunction = Callable[[SiteUnderTest], None]


@dataclass(frozen=True)
class Scenario:
    """``short``: the databases of the short run. ``note``: a remark below the table."""

    name: str
    run: FaultFunction
    on: tuple[str, ...] = BOTH
    short: tuple[str, ...] = ()
    note: str = ""


SCENARIOS: list[Scenario] = []


def scenario(
    name: str, *, on: tuple[str, ...] = BOTH, short: tuple[str, ...] = (), note: str = ""
) -> Callable[[FaultFunction], FaultFunction]:
    """Register the function as a scenario."""

    def register(function: FaultFunction) -> FaultFunction:
        SCENARIOS.append(Scenario(name, function, on, short, note))
        return function

    return register
