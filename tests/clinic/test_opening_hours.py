"""Opening hours as periods, as text, and as data for the script in the page."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.clinic import Location
from app.clinic.models import WEEKDAYS
from app.clinic.opening_hours import (
    OpeningHours,
    add_business_days,
    add_open_time,
    opening_periods,
)
from tests.support.locations import location_with_hours

TODAY = date(2026, 11, 2)


def hours(place: Location) -> OpeningHours:
    return OpeningHours(place, TODAY)


def test_the_table_names_each_day_of_the_week() -> None:
    place = location_with_hours({"monday": [("09:00", "17:00")], "friday": [("10:30", "12:00")]})
    assert hours(place).table[0] == ("Monday", "9 am to 5 pm")
    assert hours(place).table[1] == ("Tuesday", "Closed")
    assert hours(place).table[4] == ("Friday", "10:30 am to noon")


def test_days_with_the_same_hours_share_a_line() -> None:
    day = [("10:00", "13:00"), ("14:00", "18:00")]
    place = location_with_hours(
        {"tuesday": day, "wednesday": [("09:00", "12:00")], "thursday": day}
    )
    assert hours(place).lines == (
        "Tue, Thu: 10 am to 1 pm, 2 pm to 6 pm",
        "Wed: 9 am to noon",
    )


def test_three_days_in_a_row_are_a_range() -> None:
    day = [("09:00", "17:00")]
    names = ("monday", "tuesday", "wednesday", "thursday", "saturday", "sunday")
    place = location_with_hours(dict.fromkeys(names, day))
    assert hours(place).lines == ("Mon to Thu, Sat, Sun: 9 am to 5 pm",)


@pytest.mark.parametrize("week", [{}, {"monday": []}])
def test_without_hours_there_are_no_rows_and_no_lines(
    week: dict[str, list[tuple[str, str]]],
) -> None:
    assert hours(location_with_hours(week)).table == ()
    assert hours(location_with_hours(week)).lines == ()


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (("20:00", "02:00"), "8 pm to 2 am"),
        (("18:00", "00:00"), "6 pm to midnight"),
        (("00:00", "09:05"), "12 am to 9:05 am"),
        (("00:00", "00:00"), "24 hours"),
    ],
)
def test_hours_around_midnight_are_named(period: tuple[str, str], text: str) -> None:
    place = location_with_hours({"monday": [period]})
    assert hours(place).table[0] == ("Monday", text)
    assert hours(place).lines == (f"Mon: {text}",)


def test_equal_hours_on_all_days_are_one_line() -> None:
    assert hours(location_with_hours(ALWAYS)).lines == ("Every day: 24 hours",)


def test_upcoming_special_days_are_listed_in_order() -> None:
    place = location_with_hours(
        {},
        closed=["2026-12-25", "2026-11-01", "2026-11-02", ("2026-10-30", "2026-11-03")],
        special={"2026-12-24": [("09:00", "12:00")], "2026-10-31": [("09:00", "12:00")]},
    )
    assert [
        (str(day.date), str(day.last), text, day.reason) for day, text in hours(place).special_days
    ] == [
        ("2026-10-30", "2026-11-03", "closed", "Harbor Day"),
        ("2026-11-02", "2026-11-02", "closed", "Harbor Day"),
        ("2026-12-24", "2026-12-24", "9 am to noon", None),
        ("2026-12-25", "2026-12-25", "closed", "Harbor Day"),
    ]


def test_the_script_gets_minutes_and_the_special_days_of_two_months() -> None:
    place = location_with_hours(
        {"tuesday": [("00:00", "09:05"), ("20:00", "02:00")]},
        closed=["2026-10-31", ("2026-10-20", "2026-11-01")],
        special={"2026-11-01": [("18:00", "00:00")], "2027-02-01": [("09:00", "12:00")]},
    )
    assert hours(place).week == [[], [(0, 545), (1200, 1560)], [], [], [], [], []]
    assert hours(place).special == [
        ("2026-11-01", "2026-11-01", "", [(1080, 1440)]),
        ("2026-10-20", "2026-11-01", "Harbor Day", []),
    ]


NEW_YORK = ZoneInfo("America/New_York")
ALWAYS = {day: [("00:00", "00:00")] for day in WEEKDAYS}
NIGHTS = {"friday": [("20:00", "02:00")], "saturday": [("20:00", "00:00")]}
OFFICE = {day: [("09:00", "17:00")] for day in WEEKDAYS[:5]}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def periods(*places: Location, first: str, last: str) -> list[tuple[str, str, float]]:
    """Local start and end, and the hours between them."""
    days = date.fromisoformat(first), date.fromisoformat(last)
    return [
        (
            f"{opens.astimezone(NEW_YORK):%a %d %H:%M}",
            f"{closes.astimezone(NEW_YORK):%a %d %H:%M}",
            (closes - opens) / timedelta(hours=1),
        )
        for opens, closes in opening_periods(places, NEW_YORK, *days)
    ]


# In New York, clocks fall back at 2 am on November 1, 2026, and spring forward on March 8.
@pytest.mark.parametrize(
    ("week", "first", "last", "expected"),
    [
        (NIGHTS, "2026-10-24", "2026-10-25", [("Sat 24 20:00", "Sun 25 00:00", 4)]),
        (NIGHTS, "2026-10-23", "2026-10-23", [("Fri 23 20:00", "Sat 24 02:00", 6)]),
        (ALWAYS, "2026-10-31", "2026-11-01", [("Sat 31 00:00", "Mon 02 00:00", 49)]),
        (ALWAYS, "2026-03-07", "2026-03-08", [("Sat 07 00:00", "Mon 09 00:00", 47)]),
        # 1:30 am occurs twice, and the first one counts.
        (
            {"saturday": [("20:00", "01:30")]},
            "2026-10-31", "2026-10-31", [("Sat 31 20:00", "Sun 01 01:30", 5.5)],
        ),
        (
            {"saturday": [("20:00", "02:00")]},
            "2026-10-31", "2026-10-31", [("Sat 31 20:00", "Sun 01 02:00", 7)],
        ),
        # 2:30 am does not occur: it is an hour later on the clock.
        (
            {"saturday": [("20:00", "02:30")]},
            "2026-03-07", "2026-03-07", [("Sat 07 20:00", "Sun 08 03:30", 6.5)],
        ),
    ],
)  # fmt: skip
def test_periods_are_elapsed_time(
    week: dict[str, Sequence[tuple[str, str]]],
    first: str,
    last: str,
    expected: list[tuple[str, str, float]],
) -> None:
    assert periods(location_with_hours(week), first=first, last=last) == expected


def test_special_hours_have_priority_over_closed_dates_and_both_over_the_week() -> None:
    place = location_with_hours(
        OFFICE,
        closed=["2026-12-22", ("2026-12-24", "2026-12-27")],
        special={"2026-12-24": [("09:00", "12:00")], "2026-12-26": [("10:00", "01:00")]},
    )
    assert periods(place, first="2026-12-21", last="2026-12-28") == [
        ("Mon 21 09:00", "Mon 21 17:00", 8),
        ("Wed 23 09:00", "Wed 23 17:00", 8),
        ("Thu 24 09:00", "Thu 24 12:00", 3),
        ("Sat 26 10:00", "Sun 27 01:00", 15),
        ("Mon 28 09:00", "Mon 28 17:00", 8),
    ]


def test_periods_of_several_locations_are_joined() -> None:
    late = location_with_hours({"monday": [("16:00", "20:00")], "tuesday": [("17:00", "18:00")]})
    both = location_with_hours(OFFICE), late
    assert periods(*both, first="2026-11-02", last="2026-11-03") == [
        ("Mon 02 09:00", "Mon 02 20:00", 11),
        ("Tue 03 09:00", "Tue 03 18:00", 9),
    ]


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-11-06T16:50", 8, "2026-11-09T16:50"),
        ("2026-11-06T16:50", 1 / 6, "2026-11-06T17:00"),
        ("2026-11-07T12:00", 1, "2026-11-09T10:00"),
        ("2026-11-07T12:00", 0, "2026-11-09T09:00"),
        ("2026-12-24T16:00", 2, "2026-12-28T10:00"),  # closed on Friday
    ],
)
def test_duration_is_added_in_opening_hours(start: str, duration: float, end: str) -> None:
    place = location_with_hours(OFFICE, closed=["2026-12-25"])
    moment = add_open_time([place], NEW_YORK, local(start), timedelta(hours=duration))
    assert moment == local(end)


def test_a_night_that_has_begun_counts() -> None:
    place = location_with_hours({"friday": [("20:00", "02:00")]})
    moment = add_open_time([place], NEW_YORK, local("2026-11-07T01:00"), timedelta(hours=2))
    assert moment == local("2026-11-13T21:00")


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-06T16:50", 1, "2026-11-09T16:50"),
        ("2026-10-30T16:50", 1, "2026-11-02T16:50"),  # clocks fall back in between
        ("2026-11-06T16:50", 3, "2026-11-11T16:50"),
        ("2026-11-06T17:00", 1, "2026-11-10T09:00"),  # after closing: counts as Monday
        ("2026-11-07T12:00", 1, "2026-11-10T09:00"),
        ("2026-11-09T05:00", 1, "2026-11-10T09:00"),  # before opening
        ("2026-12-24T10:00", 1, "2026-12-28T10:00"),  # closed on Friday
        ("2026-12-22T16:00", 1, "2026-12-23T12:00"),  # short hours on Wednesday
        ("2026-11-09T10:00", 0, "2026-11-09T10:00"),
    ],
)
def test_business_days_are_days_with_opening_hours(start: str, days: int, end: str) -> None:
    place = location_with_hours(
        OFFICE, closed=["2026-12-25"], special={"2026-12-23": [("09:00", "12:00")]}
    )
    assert add_business_days([place], NEW_YORK, local(start), days) == local(end)


def test_without_opening_hours_no_time_is_reached() -> None:
    place, start = location_with_hours({}), local("2026-11-06T16:50")
    assert add_open_time([place], NEW_YORK, start, timedelta(hours=1)) is None
    assert add_business_days([place], NEW_YORK, start, 1) is None
