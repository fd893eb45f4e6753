"""When the doors are open, said in the words of the clinic's own clock.

Pure: a moment and the clinic's hours in, a sentence out. Opening hours are
wall-clock times; they are compared as moments (UTC), so the two nights a year
on which the clock jumps come out right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from app.clinic.values import Clinic, ClosedDay, Location, Weekday

CALL = "Call for opening hours"
AHEAD = 60  # days to look for the next opening
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@dataclass(frozen=True)
class Opening:
    """One stretch of opening; ``opens`` and ``closes`` are aware, in the clinic's zone."""

    opens: datetime
    closes: datetime

    def covers(self, moment: datetime) -> bool:
        return self.opens.astimezone(UTC) <= moment < self.closes.astimezone(UTC)


def openings(location: Location, zone: ZoneInfo, first: date) -> Iterator[Opening]:
    """The stretches of opening from the day ``first`` on, in order, closed dates left out."""
    closed = {day.date for day in location.closed}
    for day in (first + timedelta(days=n) for n in range(AHEAD)):
        for hours in () if day in closed else _on(location, day):
            yield Opening(
                datetime.combine(day, hours[0], zone), datetime.combine(day, hours[1], zone)
            )


def opening_status(location: Location, zone: ZoneInfo, now: datetime) -> str:
    """Whether ``location`` is open at ``now`` (aware), or else when it opens."""
    today = now.astimezone(zone).date()
    coming = openings(location, zone, today)
    following = next((one for one in coming if one.closes.astimezone(UTC) > now), None)
    if following is None:
        return CALL
    if following.covers(now):
        return f"Open now until {clock_time(following.closes)}"
    day, hour = _day_words(following.opens.date(), today), clock_time(following.opens)
    if closed := closed_today(location, today):
        return f"Closed today ({closed.reason}), opens {day} at {hour}"
    return f"Opens {day} at {hour}"


def clinic_status(clinic: Clinic, now: datetime) -> str:
    """The status of the location that is open longest, or else opens first."""

    def rank(location: Location) -> tuple[bool, float]:
        today = now.astimezone(clinic.zone).date()
        for one in openings(location, clinic.zone, today):
            if one.covers(now):
                return False, -one.closes.timestamp()
            if one.opens.astimezone(UTC) > now:
                return True, one.opens.timestamp()
        return True, float("inf")

    return opening_status(min(clinic.locations, key=rank), clinic.zone, now)


def next_change(clinic: Clinic, now: datetime) -> datetime:
    """When a status may next read differently: a door, or the midnight that makes today."""
    today = now.astimezone(clinic.zone).date()
    midnight = datetime.combine(today + timedelta(days=1), time(), clinic.zone)
    doors = (
        door.astimezone(UTC)
        for place in clinic.locations
        for one in openings(place, clinic.zone, today)
        for door in (one.opens, one.closes)
    )
    return min(midnight.astimezone(UTC), *(door for door in doors if door > now))


def closed_today(location: Location, today: date) -> ClosedDay | None:
    """The reason why ``location`` stays shut today although it is a day with hours."""
    if not _on(location, today):
        return None
    return next((day for day in location.closed if day.date == today), None)


def clock_time(moment: time | datetime) -> str:
    """``9 am``, ``5:30 pm``, ``noon``: twelve o'clock is never left to guess."""
    if (moment.hour, moment.minute) == (12, 0):
        return "noon"
    minutes = f":{moment.minute:02d}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'am' if moment.hour < 12 else 'pm'}"


def stretches_on(location: Location, weekday: Weekday) -> list[tuple[time, time]]:
    """The stretches of opening on a ``weekday``, in order, touching ones joined."""
    joined: list[tuple[time, time]] = []
    hours = location.hours.get(weekday, ())
    for opens, closes in sorted((one.opens, one.closes) for one in hours):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return joined


def _on(location: Location, day: date) -> list[tuple[time, time]]:
    return stretches_on(location, WEEKDAYS[day.weekday()])


def _day_words(day: date, today: date) -> str:
    days = (day - today).days
    if days < 2:
        return ("today", "tomorrow")[days]
    return f"{day:%A}" if days < 7 else f"{day:%A, %B} {day.day}"
