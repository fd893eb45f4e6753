"""The short form of ``make faults``: no inquiry is lost, and none is mailed twice for nothing."""

import pytest

from tests.faults.registry import SCENARIOS
from tests.faults.report import remarks
from tests.faults.runner import Result, run_all

SHORT = [(one.name, database) for one in SCENARIOS if one.short for database in one.on]


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], Result]:
    """All of them, run at once: one lane for each database."""
    done = run_all(lambda _: None, short=True)
    return {(one.scenario.name, one.database): one for one in done}


@pytest.mark.parametrize(("fault", "database"), SHORT)
def test_nothing_is_lost_under(
    fault: str, database: str, results: dict[tuple[str, str], Result]
) -> None:
    result = results[fault, database]
    if result.missing:
        pytest.skip(result.missing)
    assert result.held, remarks([result])
