"""Tests pass on any day: those that read dates run again with the clock 400 days ahead.

`make test-clock-ahead` runs the whole suite with the clock of every program ahead.
"""

import os
import subprocess
import sys
import time

from config import ROOT

DAYS = 400  # past every date of the demo clinic's coming year
READ_DATES = (
    "tests/test_clock_ahead.py::test_the_clock_is_ahead_by_the_requested_days",
    "tests/location/test_routes.py",
    "tests/cli/test_clinic_check.py",
    "tests/pages/test_json_ld.py",
    *("-k", "not postgresql"),  # it would keep the real clock
)


def test_the_clock_is_ahead_by_the_requested_days() -> None:
    """The guard below would prove nothing if its run had today's date."""
    other = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True, timeout=30)
    ahead = time.time() - int(other.stdout)
    assert abs(ahead - 86_400 * int(os.environ.get("CLOCK_AHEAD_DAYS", "0"))) < 60


def test_tests_that_read_dates_pass_with_the_clock_ahead() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *READ_DATES],
        cwd=ROOT,
        env={**os.environ, "CLOCK_AHEAD_DAYS": str(DAYS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
