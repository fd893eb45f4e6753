"""The opening status is true at the clinic's door, whatever the server's clock zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinic import Clinic, Location
from app.clinic.hours import CALL, clinic_status, next_change, opening_status

NEW_YORK = ZoneInfo("America/New_York")
WEEK = {
    "monday": [("09:00", "17:00")],
    "tuesday": [("09:00", "12:00"), ("14:00", "18:30")],
    "wednesday": [("09:00", "12:00"), ("12:00", "17:00")],
    "sunday": [("00:00", "01:30"), ("02:30", "04:00")],
}
# 2026-11-02 is a Monday.


def place(hours: dict[str, Any], closed: tuple[str, ...] = (), key: str = "quay") -> Location:
    return Location.model_validate(
        {
            "key": key,
            "name": "Quay",
            "address": ("1 Quay",),
            "city": "Null Harbor",
            "region": "NY",
            "postal_code": "00000",
            "latitude": 0.1,
            "longitude": 0.1,
            "hours": {
                day: tuple({"opens": opens, "closes": closes} for opens, closes in stretches)
                for day, stretches in hours.items()
            },
            "closed": tuple({"date": day, "reason": "Harbor Day"} for day in closed),
        }
    )


def local(text: str, fold: int = 0) -> datetime:
    """A moment read from a clock on the wall in New York, given as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-11-02T08:59:59", "Opens today at 9 am"),
        ("2026-11-02T09:00:00", "Open now until 5 pm"),
        ("2026-11-02T16:59:59", "Open now until 5 pm"),
        ("2026-11-02T17:00:00", "Opens tomorrow at 9 am"),
        ("2026-11-02T23:59:59", "Opens tomorrow at 9 am"),
        ("2026-11-03T10:00:00", "Open now until noon"),
        ("2026-11-03T12:00:00", "Opens today at 2 pm"),
        ("2026-11-03T18:00:00", "Open now until 6:30 pm"),
        ("2026-11-04T10:00:00", "Open now until 5 pm"),
        ("2026-11-04T17:00:00", "Opens Sunday at 12 am"),
        ("2026-11-07T17:00:00", "Opens tomorrow at 12 am"),
    ],
)
def test_status_through_a_week(moment: str, status: str) -> None:
    assert opening_status(place(WEEK), NEW_YORK, local(moment)) == status


def test_the_clinics_clock_counts_not_the_servers() -> None:
    # 02:00 UTC on Tuesday is 9 pm on Monday in New York.
    assert (
        opening_status(place(WEEK), NEW_YORK, datetime(2026, 11, 3, 2, tzinfo=UTC))
        == "Opens tomorrow at 9 am"
    )


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-11-01T20:00", "Opens Tuesday at 9 am"),
        ("2026-11-02T10:00", "Closed today (Harbor Day), opens tomorrow at 9 am"),
    ],
)
def test_a_closed_date_is_not_opened(moment: str, status: str) -> None:
    location = place(WEEK, closed=("2026-11-02",))
    assert opening_status(location, NEW_YORK, local(moment)) == status


def test_an_opening_more_than_a_week_away_is_told_by_its_date() -> None:
    location = place({"monday": [("09:00", "17:00")]}, closed=("2026-11-09",))
    assert (
        opening_status(location, NEW_YORK, local("2026-11-02T18:00"))
        == "Opens Monday, November 16 at 9 am"
    )


def test_a_week_from_today_is_not_mistaken_for_today() -> None:
    location = place({"monday": [("09:00", "17:00")]})
    assert (
        opening_status(location, NEW_YORK, local("2026-11-02T18:00"))
        == "Opens Monday, November 9 at 9 am"
    )


@pytest.mark.parametrize("hours", [{}, {"monday": []}])
def test_without_hours_visitors_are_asked_to_call(hours: dict[str, Any]) -> None:
    assert opening_status(place(hours), NEW_YORK, local("2026-11-02T10:00")) == CALL


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        # On 2026-03-08 the clock jumps from 2 am to 3 am: half past two is half past three.
        (datetime(2026, 3, 8, 6, 29, tzinfo=UTC), "Open now until 1:30 am"),
        (datetime(2026, 3, 8, 6, 30, tzinfo=UTC), "Opens today at 2:30 am"),
        (datetime(2026, 3, 8, 7, 30, tzinfo=UTC), "Open now until 4 am"),
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), "Opens tomorrow at 9 am"),
        # On 2026-11-01 it falls back from 2 am to 1 am: the first half past one closes.
        (datetime(2026, 11, 1, 5, 29, tzinfo=UTC), "Open now until 1:30 am"),
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "Opens today at 2:30 am"),
        (datetime(2026, 11, 1, 6, 45, tzinfo=UTC), "Opens today at 2:30 am"),
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "Open now until 4 am"),
    ],
)
def test_the_nights_on_which_the_clock_jumps(moment: datetime, status: str) -> None:
    assert opening_status(place(WEEK), NEW_YORK, moment) == status


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_some_answer_comes_at_every_moment_and_open_means_open(moment: datetime) -> None:
    location = place(WEEK, closed=("2026-11-02",))
    status = opening_status(location, NEW_YORK, moment)
    assert status.startswith(("Open now until ", "Opens ", "Closed today (Harbor Day), opens "))
    if status.startswith("Open now"):
        wall = moment.astimezone(NEW_YORK)
        assert wall.date() != date(2026, 11, 2)
        assert f"{wall:%A}".lower() in WEEK


def test_the_clinic_is_open_while_any_of_its_places_is(clinic: Clinic) -> None:
    early = place({"monday": [("08:00", "12:00")]}, key="early")
    late = place({"monday": [("09:00", "17:00")]}, key="late")
    both = clinic.model_copy(update={"locations": (early, late)})
    start = local("2026-11-02T07:00")
    assert [clinic_status(both, start + timedelta(hours=h)) for h in (0, 1, 2, 6, 10)] == [
        "Opens today at 8 am",
        "Open now until noon",
        "Open now until 5 pm",
        "Open now until 5 pm",
        "Opens Monday, November 9 at 8 am",
    ]


@pytest.mark.parametrize(
    ("moment", "change"),
    [
        ("2026-11-02T08:59:59", "2026-11-02T09:00"),
        ("2026-11-02T09:00:00", "2026-11-02T17:00"),
        ("2026-11-02T17:00:00", "2026-11-03T00:00"),  # "tomorrow" turns into "today"
        ("2026-11-03T12:00:00", "2026-11-03T14:00"),
        ("2026-10-31T23:00:00", "2026-11-01T00:00"),
    ],
)
def test_it_is_known_when_a_status_changes_next(clinic: Clinic, moment: str, change: str) -> None:
    only = clinic.model_copy(update={"locations": (place(WEEK),)})
    assert next_change(only, local(moment)) == local(change)


@given(minute=st.integers(0, 60 * 24 * 21))
def test_until_then_it_stays_as_it_is(clinic: Clinic, minute: int) -> None:
    now = local("2026-10-26T00:00:00") + timedelta(minutes=minute)  # a clock change is near
    change = next_change(clinic, now)
    assert change > now
    for location in clinic.locations:
        before = opening_status(location, clinic.zone, now)
        last = opening_status(location, clinic.zone, change - timedelta(seconds=1))
        assert before == last
