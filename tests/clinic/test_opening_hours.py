"""Opening hours as text and as data for the script in the page."""

from datetime import date

import pytest

from app.clinic import Location
from app.clinic.opening_hours import OpeningHours
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


@pytest.mark.parametrize("week", [{}, {"monday": []}])
def test_without_hours_there_are_no_rows_and_no_lines(
    week: dict[str, list[tuple[str, str]]],
) -> None:
    assert hours(location_with_hours(week)).table == ()
    assert hours(location_with_hours(week)).lines == ()


def test_upcoming_closed_dates_are_listed_in_order() -> None:
    place = location_with_hours({}, closed=("2026-12-25", "2026-11-01", "2026-11-02"))
    assert [day.date.isoformat() for day in hours(place).closed_days] == [
        "2026-11-02",
        "2026-12-25",
    ]


def test_the_script_gets_the_week_and_the_closed_dates() -> None:
    place = location_with_hours({"tuesday": [("00:00", "09:05")]}, closed=("2026-12-25",))
    assert hours(place).week == [[], [(0, 905)], [], [], [], [], []]
    assert hours(place).closed == {"2026-12-25": "Harbor Day"}
