"""Notices from the console: what is published, and mistakes."""

from datetime import datetime, time, timedelta

import pytest
import time_machine

from app.services import get_services
from tests.staff.conftest import EMAILS, Console

FIELDS = {"kind": "message", "text": "", "location": "", "starts": "", "ends": "", "closing_at": ""}


def test_a_closure_is_published_and_ended(console: Console) -> None:
    staff = console.staff()
    fields = {**FIELDS, "kind": "closed", "text": "Snow  is on the way.", "location": "quay"}
    answer = staff.post("/staff/notices", "/staff/notices", **fields)
    assert answer.status_code == 303
    assert "Snow is on the way." in console.client.get("/privacy").text
    page = staff.get("/staff/notices").text
    assert "Quay Street: Closed today" in page
    number = page.partition("/staff/notices/")[2].partition("/")[0]
    staff.post(f"/staff/notices/{number}/end", "/staff/notices")
    assert "Snow is on the way." not in console.client.get("/privacy").text
    actions = [action for action, _, actor in console.events() if actor == EMAILS["desk"]]
    assert actions[-2:] == [f"notice {number} added", f"notice {number} ended"]
    staff.post(f"/staff/notices/{number}/end", "/staff/notices")
    assert f"There is no current notice {number}." in staff.get("/staff/notices").text


def test_closing_early_is_at_a_time_of_today_in_the_clinics_zone(site: Console) -> None:
    services = get_services(site.app)
    now = services.clinic.today()
    later = f"{now + timedelta(days=1)}T23:59"
    fields = {**FIELDS, "kind": "closing", "closing_at": "23:58", "ends": later}
    assert site.staff().post("/staff/notices", "/staff/notices", **fields).status_code == 303
    assert "11:58 pm" in site.client.get("/privacy").text


def test_closing_early_tomorrow_is_not_a_closure_of_the_whole_day(site: Console) -> None:
    tomorrow = get_services(site.app).clinic.today() + timedelta(days=1)
    fields = {**FIELDS, "kind": "closing", "starts": f"{tomorrow}T07:00", "closing_at": "14:00"}
    assert site.staff().post("/staff/notices", "/staff/notices", **fields).status_code == 303
    clinic_zone = get_services(site.app).clinic.zone
    with time_machine.travel(datetime.combine(tomorrow, time(8), clinic_zone)):
        assert "Closing at 2 pm today" in site.says("notices", "list")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, "Write what visitors should know"),
        ({"text": "x" * 201}, "at most 200 characters"),
        ({"text": "x", "location": "nowhere"}, "There is no location"),
        ({"text": "x", "ends": "2020-01-01T10:00"}, "must end after it starts"),
        ({"text": "x", "ends": "tomorrow"}, "is not a time: write"),
        ({"text": "x", "ends": "2130-01-31T14:00+05:00"}, "is not a time: write"),
        ({"kind": "closing", "text": "x"}, "Enter when the clinic closes"),
        (
            {"kind": "closing", "closing_at": "2020-01-01T10:00"},
            "must close after the notice",
        ),
    ],
)
def test_a_wrong_notice_is_explained_and_what_was_typed_stays(
    site: Console, changed: dict[str, str], problem: str
) -> None:
    answer = site.staff().post("/staff/notices", "/staff/notices", **{**FIELDS, **changed})
    assert (answer.status_code, problem in answer.text) == (422, True)
    for value in changed.values():
        assert value in answer.text


def test_overlapping_notices_of_two_people_are_refused(site: Console) -> None:
    maria, boss = site.staff(), site.staff("manager")
    maria.post("/staff/notices", "/staff/notices", **{**FIELDS, "text": "The first"})
    answer = boss.post("/staff/notices", "/staff/notices", **{**FIELDS, "text": "The second"})
    assert (answer.status_code, "Overlaps notice" in answer.text) == (422, True)
    assert "The first" in answer.text
