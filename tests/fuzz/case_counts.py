"""Numbers of cases: the same few in `make test`, many random ones in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

LONG = bool(os.environ.get("FUZZ"))
API_CASES = 10_000 if LONG else 15


def cases(quick: int, long: int) -> settings:
    """Return Hypothesis settings for ``quick`` cases, or ``long`` cases in `make fuzz`."""
    return settings(
        max_examples=long if LONG else quick,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
