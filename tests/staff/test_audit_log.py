"""The page of the audit log."""

import re
from datetime import UTC, datetime, timedelta

import time_machine

from tests.staff.conftest import Console, Staff


def shown(boss: Staff, reference: str) -> list[str]:
    """The actions on the page of one inquiry, newest first."""
    page = boss.get(f"/staff/audit-log?reference={reference}").text
    return re.findall(r'data-column="Action">([^<]+)', page)


def test_the_page_that_follows_an_action_is_left_out(console: Console) -> None:
    reference, boss = console.receive(), console.staff("manager")
    boss.get(boss.act(reference, "take").location)
    assert shown(boss, reference) == ["taken", "opened"]
    assert [action for action, *_ in console.events()][-3:] == ["opened", "taken", "opened"]


def test_later_openings_and_those_of_others_are_listed(site: Console) -> None:
    reference, boss = site.receive(), site.staff("manager")
    boss.act(reference, "take")
    site.staff().get(f"/staff/inquiries/{reference}")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=11)):
        boss.get(f"/staff/inquiries/{reference}")
        assert shown(boss, reference) == ["opened", "opened", "taken", "opened"]


def test_an_unknown_reference_has_no_events(site: Console) -> None:
    page = site.staff("manager").get("/staff/audit-log?reference=zzz").text
    assert "No events for “ZZZ”." in page
