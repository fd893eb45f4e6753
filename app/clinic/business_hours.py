"""When the front desk should have answered, by ``reply_within`` and the opening hours.

The clinic is open when one of its locations is: the front desk is the same for all of them. A
clinic without opening hours counts as open from Monday to Friday, 9 am to 5 pm.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from app.clinic.models import WEEKDAYS, Clinic, Hours
from app.clinic.opening_hours import (
    ONE_DAY,
    Period,
    add_business_days,
    add_open_time,
    opening_periods,
)

USUAL_HOURS = {day: (Hours(opens=time(9), closes=time(17)),) for day in WEEKDAYS[:5]}


def with_usual_hours(clinic: Clinic) -> Clinic:
    """Return ``clinic``, with USUAL_HOURS if it has none."""
    if any(any(place.hours.values()) for place in clinic.locations):
        return clinic
    places = (place.model_copy(update={"hours": USUAL_HOURS}) for place in clinic.locations)
    return clinic.model_copy(update={"locations": tuple(places)})


def reply_times(clinic: Clinic, start: datetime) -> tuple[datetime, datetime] | None:
    """When half of ``reply_within`` has passed since ``start``, and when all of it has.

    None if the clinic does not open for that long.
    """
    within, places, zone = clinic.reply_within, clinic.locations, clinic.zone
    if within.unit == "day":
        end = add_business_days(places, zone, start, within.amount)
    else:
        end = add_open_time(places, zone, start, timedelta(hours=within.amount))
    half = end and add_open_time(places, zone, start, open_time(clinic, start, end) / 2)
    return (half, end) if half and end else None


def open_time(clinic: Clinic, start: datetime, end: datetime) -> timedelta:
    """How long the clinic was open between two moments."""
    return open_times(clinic, [start], end)[0]


def open_times(clinic: Clinic, starts: Sequence[datetime], end: datetime) -> list[timedelta]:
    """How long the clinic was open between each of ``starts`` and ``end``."""
    if not starts:
        return []
    earliest = min(starts) - ONE_DAY
    first, last = (moment.astimezone(clinic.zone).date() for moment in (earliest, end))
    periods = opening_periods(clinic.locations, clinic.zone, first, last)
    return [
        sum((_overlap(period, start, end) for period in periods), timedelta()) for start in starts
    ]


def _overlap(period: Period, start: datetime, end: datetime) -> timedelta:
    return max(min(period.closes, end) - max(period.opens, start), timedelta())
