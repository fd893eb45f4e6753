"""Opening hours as people write them: a row per weekday, or one line per kind of day."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.clinic.hours import WEEKDAYS, clock_time, stretches_on
from app.clinic.values import ClosedDay, Location, Weekday


def table(location: Location) -> tuple[tuple[str, str], ...]:
    """(weekday, hours) from Monday on, such as ``("Monday", "9 am to 5 pm")``; empty if unknown."""
    if not any(location.hours.values()):
        return ()
    return tuple((day.capitalize(), _of_day(location, day) or "Closed") for day in WEEKDAYS)


def lines(location: Location) -> tuple[str, ...]:
    """The open days, those with the same hours together: ``Mon, Tue, Thu: 9 am to 5 pm``."""
    days: dict[str, list[str]] = {}
    for day in WEEKDAYS:
        if hours := _of_day(location, day):
            days.setdefault(hours, []).append(day[:3].capitalize())
    return tuple(f"{', '.join(same)}: {hours}" for hours, same in days.items())


def closed_days(location: Location, now: datetime, zone: ZoneInfo) -> tuple[ClosedDay, ...]:
    """The dates from today on that the location stays shut, the next one first."""
    today = now.astimezone(zone).date()
    coming = (day for day in location.closed if day.date >= today)
    return tuple(sorted(coming, key=lambda day: day.date))


def _of_day(location: Location, day: Weekday) -> str:
    hours = stretches_on(location, day)
    return ", ".join(f"{clock_time(opens)} to {clock_time(closes)}" for opens, closes in hours)
