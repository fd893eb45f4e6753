"""The opening status is computed in the browser, in the clinic's time zone."""

import json
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from app.clinic import Location
from app.clinic.models import WEEKDAYS
from app.clinic.opening_hours import OpeningHours
from config import ROOT
from tests.support.locations import location_with_hours

NEW_YORK = ZoneInfo("America/New_York")
SCRIPT = (ROOT / "static" / "js" / "opening_hours.js").read_text(encoding="utf-8")
WEEK = {
    "monday": [("09:00", "17:00")],
    "tuesday": [("09:00", "12:00"), ("14:00", "18:30")],
    "wednesday": [("09:00", "17:00")],
    "sunday": [("00:00", "01:30"), ("02:30", "04:00")],
}
# 2026-11-02 is a Monday.
THROUGH_A_WEEK = {
    "2026-11-02T08:59:59": "Opens today at 9 am",
    "2026-11-02T09:00:00": "Open now until 5 pm",
    "2026-11-02T16:59:59": "Open now until 5 pm",
    "2026-11-02T17:00:00": "Opens tomorrow at 9 am",
    "2026-11-02T23:59:59": "Opens tomorrow at 9 am",
    "2026-11-03T10:00:00": "Open now until noon",
    "2026-11-03T12:00:00": "Opens today at 2 pm",
    "2026-11-03T18:00:00": "Open now until 6:30 pm",
    "2026-11-04T10:00:00": "Open now until 5 pm",
    "2026-11-04T17:00:00": "Opens Sunday at 12 am",
    "2026-11-07T17:00:00": "Opens tomorrow at 12 am",
    # On 2026-03-08 the clock jumps from 2 am to 3 am.
    "2026-03-08T01:29:00": "Open now until 1:30 am",
    "2026-03-08T01:30:00": "Opens today at 2:30 am",
    "2026-03-08T03:30:00": "Open now until 4 am",
    "2026-03-08T04:00:00": "Opens tomorrow at 9 am",
}
NIGHTS = {
    "thursday": [("18:00", "00:00")],
    "friday": [("20:00", "02:00")],
    "saturday": [("20:00", "01:30")],
}
THROUGH_NIGHTS = {
    "2026-11-05T23:59:59": "Open now until midnight",
    "2026-11-06T00:00:00": "Opens today at 8 pm",
    "2026-11-06T23:00:00": "Open now until 2 am",
    "2026-11-07T01:59:59": "Open now until 2 am",
    "2026-11-07T02:00:00": "Opens today at 8 pm",
    # On 2026-11-01 the clock shows 1 am to 2 am twice. The first 1:30 am counts.
    "2026-11-01T00:59:00": "Open now until 1:30 am",
    "2026-11-01T01:29:00": "Open now until 1:30 am",
    "2026-11-01T01:30:00": "Opens Thursday at 6 pm",
    "2026-11-01T01:15:00-05:00": "Opens Thursday at 6 pm",
}
SPECIAL = {
    "2026-12-24": [("09:00", "12:00")],
    "2026-12-26": [("10:00", "16:00")],
    "2026-12-31": [("20:00", "03:00")],
}
AROUND_SPECIAL_DAYS = {
    "2026-12-24T11:59:00": "Open now until noon",
    "2026-12-24T12:00:00": "Opens Saturday at 10 am",
    "2026-12-25T10:00:00": "Closed today (Harbor Day), opens tomorrow at 10 am",
    "2026-12-26T10:00:00": "Open now until 4 pm",
    "2026-12-26T16:00:00": "Opens Thursday at 8 pm",
    "2027-01-01T02:59:00": "Open now until 3 am",  # a closed day, but it is still the night before
    "2027-01-01T03:00:00": "Closed today (Harbor Day), opens Monday at 9 am",
}
CLOSED = {
    "2026-11-01T20:00:00": "Opens Tuesday at 9 am",
    "2026-11-02T10:00:00": "Closed today (Harbor Day), opens tomorrow at 9 am",
}


@pytest.fixture
def status(browser: Browser) -> Callable[[Location, str], str]:
    """The status of a location at a local time in New York."""
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="de-DE")
    page = context.new_page()

    def ask(place: Location, moment: str) -> str:
        time = datetime.fromisoformat(moment)
        hours = OpeningHours(place, time.date())
        page.clock.set_fixed_time(time if time.tzinfo else time.replace(tzinfo=NEW_YORK))
        page.set_content(
            f"<div data-zone='America/New_York'><p data-hours='{json.dumps(hours.week)}'"
            f" data-special='{json.dumps(hours.special)}'></p></div><p class='status'></p>"
        )
        page.add_script_tag(content=SCRIPT)
        return page.locator(".status").inner_text()

    return ask


def test_status_through_a_week_and_a_daylight_saving_change(
    status: Callable[[Location, str], str],
) -> None:
    place = location_with_hours(WEEK)
    assert {moment: status(place, moment) for moment in THROUGH_A_WEEK} == THROUGH_A_WEEK


def test_status_through_nights_and_a_daylight_saving_change(
    status: Callable[[Location, str], str],
) -> None:
    place = location_with_hours(NIGHTS)
    assert {moment: status(place, moment) for moment in THROUGH_NIGHTS} == THROUGH_NIGHTS


def test_status_around_special_hours_and_closed_dates(
    status: Callable[[Location, str], str],
) -> None:
    week = {day: [("09:00", "17:00")] for day in WEEKDAYS[:5]}
    place = location_with_hours(week, [("2026-12-25", "2027-01-03")], SPECIAL)
    found = {moment: status(place, moment) for moment in AROUND_SPECIAL_DAYS}
    assert found == AROUND_SPECIAL_DAYS


def test_adjacent_periods_are_one(status: Callable[[Location, str], str]) -> None:
    all_day = [("00:00", "00:00")]
    week = {"monday": [("18:00", "00:00")], "tuesday": all_day, "wednesday": [("00:00", "06:00")]}
    place = location_with_hours(week)
    assert status(place, "2026-11-02T19:00:00") == "Open now until Wednesday at 6 am"
    assert status(place, "2026-11-03T05:00:00") == "Open now until tomorrow at 6 am"
    assert status(place, "2026-11-03T06:00:00") == "Open now until 6 am"
    always = location_with_hours(dict.fromkeys(WEEKDAYS, all_day))
    assert status(always, "2026-11-02T19:00:00") == "Open now"


def test_closed_date_is_not_open(status: Callable[[Location, str], str]) -> None:
    place = location_with_hours(WEEK, closed=("2026-11-02",))
    assert {moment: status(place, moment) for moment in CLOSED} == CLOSED


def test_opening_a_week_away_or_more_shows_its_date(
    status: Callable[[Location, str], str],
) -> None:
    mondays = {"monday": [("09:00", "17:00")]}
    evening = "2026-11-02T18:00:00"
    assert status(location_with_hours(mondays), evening) == "Opens Monday, November 9 at 9 am"
    closed = location_with_hours(mondays, closed=("2026-11-09",))
    assert status(closed, evening) == "Opens Monday, November 16 at 9 am"


def test_without_hours_the_status_asks_to_call(
    status: Callable[[Location, str], str],
) -> None:
    assert status(location_with_hours({}), "2026-11-02T10:00:00") == "Call for opening hours"


def test_status_is_updated_while_the_page_stays_open(page: Page) -> None:
    page.clock.install(time=datetime(2026, 11, 2, 16, 59, tzinfo=NEW_YORK))
    page.goto("/location")
    for place in (page.locator("main .status"), page.locator("footer .status")):
        expect(place).to_have_text(["Open now until 5 pm", "Opens tomorrow at 10 am"])
    page.clock.run_for(60_000)
    for place in (page.locator("main .status"), page.locator("footer .status")):
        expect(place).to_have_text(["Opens tomorrow at 9 am", "Opens tomorrow at 10 am"])


def test_hours_are_shown_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/privacy")
    expect(page.locator("footer")).to_contain_text("Mon, Tue, Thu: 9 am to 5 pm")
    assert page.locator("footer .status").all_inner_texts() == ["", ""]


def test_the_received_page_names_each_location_with_its_hours(page: Page) -> None:
    page.clock.install(time=datetime(2026, 11, 2, 10, 0, tzinfo=NEW_YORK))
    page.goto("/contact")
    page.fill("#name", "Ada Example")
    page.fill("#email", "ada@example.com")
    page.select_option("#topic", "billing")
    page.select_option("#location", "quay")
    page.fill("#message", "When do you open?")
    page.get_by_role("button", name="Send message").click()
    page.wait_for_url("**/contact/received/**")
    item = page.get_by_role("listitem").filter(has_text="Quay Street: Mon, Tue, Thu: 9 am to 5 pm")
    expect(item.last).to_contain_text("Open now until 5 pm")
