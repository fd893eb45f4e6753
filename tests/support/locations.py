"""Clinic locations with given opening hours."""

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any, cast

from app.clinic import Location
from app.clinic.models import ClosedDates, Hours, SpecialHours, Weekday

Periods = Sequence[tuple[str, str]]


def location_with_hours(
    hours: Mapping[Any, Periods],
    closed: Sequence[str | tuple[str, str]] = (),
    special: Mapping[str, Periods] | None = None,
) -> Location:
    """Return a location open on ``hours`` (HH:MM by weekday).

    It is closed on the dates, and pairs of first and last date, ``closed``. On the dates
    ``special`` it has other hours.
    """
    days = [(day, None) if isinstance(day, str) else day for day in closed]
    return Location(
        key="quay",
        name="Quay",
        address=("1 Quay",),
        city="Null Harbor",
        region="NY",
        postal_code="00000",
        country="US",
        latitude=0.1,
        longitude=0.1,
        hours={cast("Weekday", day): _periods(periods) for day, periods in hours.items()},
        closed=tuple(
            ClosedDates(
                date=date.fromisoformat(first),
                last_date=date.fromisoformat(last) if last else None,
                reason="Harbor Day",
            )
            for first, last in days
        ),
        special_hours=tuple(
            SpecialHours(date=date.fromisoformat(day), hours=_periods(periods))
            for day, periods in (special or {}).items()
        ),
    )


def _periods(periods: Periods) -> tuple[Hours, ...]:
    return tuple(
        Hours(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))
        for opens, closes in periods
    )
