"""When the front desk should have answered: ``reply_within`` in opening hours."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.clinic import Clinic
from app.clinic.business_hours import open_time, reply_times, with_usual_hours
from app.clinic.reply_time import ReplyTime
from app.notices.closures import with_closures
from app.notices.models import Notice
from tests.support.locations import location_with_hours

NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
NINE_TO_FIVE = {day: [("09:00", "17:00")] for day in WEEKDAYS}
LUNCH_BREAK = {day: [("09:00", "12:00"), ("13:00", "17:00")] for day in WEEKDAYS}
SHORT_MONDAY = {**NINE_TO_FIVE, "monday": [("09:00", "14:00")]}


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=NEW_YORK)


def times(  # noqa: PLR0913
    clinic: Clinic,
    reply_within: str,
    start: str,
    *,
    hours: dict[str, list[tuple[str, str]]] = NINE_TO_FIVE,
    closed: Sequence[str] = (),
    notices: Sequence[Notice] = (),
) -> tuple[str, str]:
    """Local times of the reminder and the escalation."""
    place = location_with_hours(hours, tuple(closed))
    values = {"locations": (place,), "reply_within": ReplyTime.parse(reply_within)}
    changed = with_closures(with_usual_hours(clinic.model_copy(update=values)), notices)
    found = reply_times(changed, at(start))
    assert found
    half, end = (f"{moment.astimezone(NEW_YORK):%Y-%m-%d %H:%M}" for moment in found)
    return half, end


# November 27, 2026 is a Friday.
@pytest.mark.parametrize(
    ("reply_within", "start", "half", "end"),
    [
        ("1 business day", "2026-11-27 16:50", "2026-11-30 12:50", "2026-11-30 16:50"),
        ("1 business day", "2026-11-25 10:00", "2026-11-25 14:00", "2026-11-26 10:00"),
        ("2 business days", "2026-11-27 16:50", "2026-11-30 16:50", "2026-12-01 16:50"),
        # After closing and on weekends, the time begins at the next opening.
        ("1 business day", "2026-11-27 22:00", "2026-11-30 13:00", "2026-12-01 09:00"),
        ("1 business day", "2026-11-29 12:00", "2026-11-30 13:00", "2026-12-01 09:00"),
        ("4 business hours", "2026-11-27 16:50", "2026-11-30 10:50", "2026-11-30 12:50"),
        ("4 business hours", "2026-11-28 03:00", "2026-11-30 11:00", "2026-11-30 13:00"),
        # The clock goes forward on March 14, 2027, and back on November 7, 2027.
        ("1 business day", "2027-03-12 16:50", "2027-03-15 12:50", "2027-03-15 16:50"),
        ("1 business day", "2027-11-05 16:50", "2027-11-08 12:50", "2027-11-08 16:50"),
        ("4 business hours", "2027-11-05 16:50", "2027-11-08 10:50", "2027-11-08 12:50"),
    ],
)
def test_only_opening_hours_count(
    clinic: Clinic, reply_within: str, start: str, half: str, end: str
) -> None:
    assert times(clinic, reply_within, start) == (half, end)


def test_hours_without_any_period_count_like_none(clinic: Clinic) -> None:
    friday = "2026-11-27 16:50"
    assert times(clinic, "1 business day", friday, hours={"monday": []})[1] == "2026-11-30 16:50"


def test_closed_dates_short_days_and_breaks_are_skipped(clinic: Clinic) -> None:
    friday = "2026-11-27 16:50"
    closed = times(clinic, "1 business day", friday, closed=["2026-11-30"])
    assert closed == ("2026-12-01 12:50", "2026-12-01 16:50")
    short = times(clinic, "1 business day", friday, hours=SHORT_MONDAY)
    assert short[1] == "2026-11-30 14:00", "not after closing"
    lunch = times(clinic, "2 business hours", "2026-11-30 11:00", hours=LUNCH_BREAK)
    assert lunch == ("2026-11-30 12:00", "2026-11-30 14:00")


def closure(closed_from: str, ends_at: str, location: str | None = None) -> Notice:
    return Notice(
        text="Snow",
        location=location,
        starts_at=at(closed_from),
        closed_from=at(closed_from),
        ends_at=at(ends_at),
    )


@pytest.mark.parametrize(
    ("notices", "half", "end"),
    [
        ([closure("2026-11-30 00:00", "2026-12-01 00:00")], "2026-12-01 12:50", "2026-12-01 16:50"),
        ([closure("2026-11-30 14:00", "2026-12-01 00:00")], "2026-11-30 11:25", "2026-11-30 14:00"),
        ([closure("2026-11-30 08:00", "2026-11-30 12:00")], "2026-11-30 14:20", "2026-11-30 16:50"),
        ([closure("2026-11-30 00:00", "2026-12-01 00:00", "hill")], "2026-11-30 12:50",
         "2026-11-30 16:50"),
        ([closure("2026-11-27 17:00", "2026-12-02 00:00")], "2026-12-02 12:50", "2026-12-02 16:50"),
    ],
)  # fmt: skip
def test_closures_by_notices_are_skipped(
    clinic: Clinic, notices: list[Notice], half: str, end: str
) -> None:
    found = times(clinic, "1 business day", "2026-11-27 16:50", notices=notices)
    assert found == (half, end)


def test_a_clinic_without_hours_counts_as_open_from_nine_to_five(clinic: Clinic) -> None:
    monday = closure("2026-11-30 00:00", "2026-12-01 00:00")
    found = times(clinic, "1 business day", "2026-11-27 16:50", hours={}, notices=[monday])
    assert found == ("2026-12-01 12:50", "2026-12-01 16:50")


def test_the_waiting_time_is_that_of_any_location(clinic: Clinic) -> None:
    """The demo clinic: Quay Street until 5 pm, on Tuesday Lighthouse Hill until 6 pm."""
    waited = open_time(clinic, at("2026-12-01 16:00"), at("2026-12-02 10:00"))
    assert waited == timedelta(hours=3)
    assert open_time(clinic, at("2026-11-28 10:00"), at("2026-11-29 10:00")) == timedelta(0)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("1 business day", "one business day"),
        ("2 business days", "two business days"),
        ("1 business hour", "one business hour"),
        ("12 business hours", "12 business hours"),
    ],
)
def test_the_sentence_is_made_from_the_duration(written: str, sentence: str) -> None:
    assert str(ReplyTime.parse(written)) == sentence
