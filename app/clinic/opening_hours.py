"""Opening hours: as periods, as text for pages, and as data for the script in the page.

A page does not depend on the time of day: the browser works out whether a location is open now
(static/js/opening_hours.js), so a cached page stays correct for the whole day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.clinic.models import MIDNIGHT, WEEKDAYS, ClosedDates, Hours, Location, SpecialHours

ONE_DAY = timedelta(days=1)
SCRIPT_HORIZON = timedelta(days=61)  # one more than in opening_hours.js: pages are cached
HORIZON = timedelta(days=400)  # longer than any place is closed


class Period(NamedTuple):
    """A time of opening, in UTC, so that differences are elapsed time."""

    opens: datetime
    closes: datetime


def hours_on(location: Location, day: date) -> tuple[Hours, ...]:
    """Return the periods that begin on ``day``: hours past midnight belong to the day before."""
    for special in location.special_days:
        if special.date <= day <= special.last:
            return special.hours
    return location.hours.get(WEEKDAYS[day.weekday()], ())


def opening_periods(
    locations: Iterable[Location], zone: ZoneInfo, first_day: date, last_day: date
) -> list[Period]:
    """Return when one of ``locations`` is open, for the periods that begin on these days.

    The periods are in order. Those that overlap or touch are one.
    """
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    periods = (
        _period(hours, day, zone)
        for location in locations
        for day in days
        for hours in hours_on(location, day)
    )
    joined: list[Period] = []
    for opens, closes in sorted(periods):
        if joined and opens <= joined[-1].closes:
            joined[-1] = Period(joined[-1].opens, max(joined[-1].closes, closes))
        else:
            joined.append(Period(opens, closes))
    return joined


def add_open_time(
    locations: Iterable[Location], zone: ZoneInfo, start: datetime, duration: timedelta
) -> datetime | None:
    """Return when one of ``locations`` has been open for ``duration`` since ``start``.

    None if that is more than a year away, as without opening hours.
    """
    today = start.astimezone(zone).date()
    for opens, closes in opening_periods(locations, zone, today - ONE_DAY, today + HORIZON):
        begin = max(opens, start)
        if begin <= closes:
            if duration <= closes - begin:
                return begin + duration
            duration -= closes - begin
    return None


def add_business_days(
    locations: Sequence[Location], zone: ZoneInfo, start: datetime, days: int
) -> datetime | None:
    """Return the time of ``start`` on the ``days``-th following day with opening hours.

    It is moved into that day's hours. A start on a closed day, or after closing, counts as the
    next opening. None if that is more than a year away, as without opening hours.
    """
    first_day = start.astimezone(zone).date() - ONE_DAY
    remaining = (
        (day, period)
        for day, period in _business_days(locations, zone, first_day)
        if period.closes > start
    )
    reached = list(islice(remaining, days + 1))
    if len(reached) <= days:
        return None
    (first_day, first), (day, period) = reached[0], reached[-1]
    local = max(start, first.opens).astimezone(zone).replace(tzinfo=None)
    moment = (local + (day - first_day)).replace(tzinfo=zone).astimezone(UTC)
    return min(max(moment, period.opens), period.closes)


def _business_days(
    locations: Sequence[Location], zone: ZoneInfo, first_day: date
) -> Iterator[tuple[date, Period]]:
    """Each day with opening hours, with its first opening and its last closing."""
    for n in range(HORIZON.days):
        day = first_day + timedelta(days=n)
        periods = [
            _period(hours, day, zone) for place in locations for hours in hours_on(place, day)
        ]
        if periods:
            yield day, Period(min(periods).opens, max(period.closes for period in periods))


def _period(hours: Hours, day: date, zone: ZoneInfo) -> Period:
    """``hours`` on ``day``.

    A time that occurs twice is its first occurrence. One that the clock skips has the offset
    before the change (PEP 495, as RFC 5545, 3.3.5).
    """
    last_day = day + ONE_DAY if hours.ends_next_day else day
    opens = datetime.combine(day, hours.opens, zone).astimezone(UTC)
    closes = datetime.combine(last_day, hours.closes, zone).astimezone(UTC)
    return Period(opens, max(opens, closes))


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
            (day.capitalize(), format_hours(self.location.hours.get(day, ())) or "Closed")
            for day in WEEKDAYS
        )

    @property
    def on_today(self) -> str:
        """The hours of today: ``Monday: 9 am to 5 pm``.

        It names the day, so that a page that was cached yesterday is not wrong.
        """
        day = WEEKDAYS[self.today.weekday()]
        hours = format_hours(hours_on(self.location, self.today))
        return f"{day.capitalize()}: {hours or 'closed'}"

    @property
    def lines(self) -> tuple[str, ...]:
        return hours_lines(self.location)

    @property
    def special_days(self) -> tuple[tuple[SpecialHours | ClosedDates, str], ...]:
        """The dates with other hours, from today on, the next one first.

        With each, its hours as text, such as ``9 am to noon`` or ``closed``.
        """
        upcoming = (day for day in self.location.special_days if day.last >= self.today)
        return tuple(
            (day, format_hours(day.hours) or "closed")
            for day in sorted(upcoming, key=lambda day: day.date)
        )

    @property
    def week(self) -> list[list[tuple[int, int]]]:
        """For the script: the periods of each day from Monday on, in minutes since midnight."""
        return [_minutes(self.location.hours.get(day, ())) for day in WEEKDAYS]

    @property
    def special(self) -> list[tuple[str, str, str, list[tuple[int, int]]]]:
        """For the script: first and last date, reason and periods. The first match counts.

        From yesterday, whose last period may end today, to the last day that the script reads.
        """
        return [
            (str(day.date), str(day.last), day.reason or "", _minutes(day.hours))
            for day in self.location.special_days
            if self.today - ONE_DAY <= day.last and day.date <= self.today + SCRIPT_HORIZON
        ]


def hours_lines(location: Location) -> tuple[str, ...]:
    """Return the open days, grouped by hours: ``Mon to Thu, Sat: 9 am to 5 pm``."""
    days: dict[str, list[int]] = {}
    for number, day in enumerate(WEEKDAYS):
        if hours := format_hours(location.hours.get(day, ())):
            days.setdefault(hours, []).append(number)
    return tuple(f"{_format_days(numbers)}: {hours}" for hours, numbers in days.items())


def _format_days(numbers: Sequence[int]) -> str:
    """The days of the week with these numbers; three or more in a row are a range."""
    if len(numbers) == len(WEEKDAYS):
        return "Every day"
    names = []
    for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0]):
        row = [WEEKDAYS[number][:3].capitalize() for _, number in run]
        names += [f"{row[0]} to {row[-1]}"] if len(row) > 2 else row
    return ", ".join(names)


def format_hours(periods: Sequence[Hours]) -> str:
    """Return the periods of a day as ``9 am to noon, 2 pm to midnight``; empty if closed."""
    return ", ".join(
        "24 hours"
        if hours.is_all_day
        else f"{format_time(hours.opens)} to "
        + ("midnight" if hours.closes == MIDNIGHT else format_time(hours.closes))
        for hours in periods
    )


def format_time(moment: time) -> str:
    """Format a time as ``9 am``, ``5:30 pm`` or ``noon``, because "12 pm" is ambiguous."""
    text = f"{moment:%-I:%M %p}".replace(":00", "").lower()
    return "noon" if text == "12 pm" else text


def _minutes(periods: Sequence[Hours]) -> list[tuple[int, int]]:
    """The periods in minutes since midnight; the end is above 1440 when past midnight."""
    return [
        (_since_midnight(hours.opens), _since_midnight(hours.closes) + 1440 * hours.ends_next_day)
        for hours in periods
    ]


def _since_midnight(moment: time) -> int:
    return moment.hour * 60 + moment.minute
