"""The short run of ``make faults``: no inquiry is lost, none is sent twice without reason."""

import pytest

from tests.faults.registry import SCENARIOS
from tests.faults.report import remarks
from tests.faults.runner import Result, run_all

SHORT = [(scenario.name, database) for scenario in SCENARIOS for database in scenario.short]


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], Result]:
    """The results of all scenarios, which run once, at the same time on each database."""
    results = run_all(lambda _: None, short=True)
    return {(result.scenario.name, result.database): result for result in results}


@pytest.mark.parametrize(("fault", "database"), SHORT)
def test_no_inquiry_is_lost(
    fault: str, database: str, results: dict[tuple[str, str], Result]
) -> None:
    result = results[fault, database]
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.passed, remarks([result])
