"""Opening hours as text for pages and emails, and as data for the script in the page.

Nothing here depends on the time of day: the browser works out whether a location is open now
(static/js/opening_hours.js), so a cached page stays correct for the whole day.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import get_args

from app.clinic.models import ClosedDay, Location, Weekday

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@dataclass(frozen=True)
class OpeningHours:
    """The opening hours of one location, for templates. ``today`` is the clinic's local date."""

    location: Location
    today: date

    @property
    def table(self) -> tuple[tuple[str, str], ...]:
        """Rows such as ``("Monday", "9 am to 5 pm")``; empty if no hours are known."""
        if not any(self.location.hours.values()):
            return ()
        return tuple(
            (day.capitalize(), _hours_on(self.location, day) or "Closed") for day in WEEKDAYS
        )

    @property
    def lines(self) -> tuple[str, ...]:
        return hours_lines(self.location)

    @property
    def closed_days(self) -> tuple[ClosedDay, ...]:
        """Closed dates from today on, the next one first."""
        upcoming = (day for day in self.location.closed if day.date >= self.today)
        return tuple(sorted(upcoming, key=lambda day: day.date))

    @property
    def week(self) -> list[list[tuple[int, int]]]:
        """For the script: pairs such as (930, 1700) for each day from Monday on."""
        days = (self.location.hours.get(day, ()) for day in WEEKDAYS)
        return [[(_hhmm(hours.opens), _hhmm(hours.closes)) for hours in day] for day in days]

    @property
    def closed(self) -> dict[str, str]:
        """For the script: the reason for each closed date, by ISO date."""
        return {day.date.isoformat(): day.reason for day in self.closed_days}


def hours_lines(location: Location) -> tuple[str, ...]:
    """Return the open days, grouped by hours: ``Mon, Tue, Thu: 9 am to 5 pm``."""
    days: dict[str, list[str]] = {}
    for day in WEEKDAYS:
        if hours := _hours_on(location, day):
            days.setdefault(hours, []).append(day[:3].capitalize())
    return tuple(f"{', '.join(names)}: {hours}" for hours, names in days.items())


def _hours_on(location: Location, day: Weekday) -> str:
    return ", ".join(
        f"{_format_time(hours.opens)} to {_format_time(hours.closes)}"
        for hours in location.hours.get(day, ())
    )


def _format_time(moment: time) -> str:
    """Format a time as ``9 am``, ``5:30 pm`` or ``noon``, because "12 pm" is ambiguous."""
    text = f"{moment:%-I:%M %p}".replace(":00", "").lower()
    return "noon" if text == "12 pm" else text


def _hhmm(moment: time) -> int:
    return moment.hour * 100 + moment.minute
