"""Notices: added by command, on every page and in the hours, gone at their end by themselves."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.notices.models import Notice
from app.outbox.models import OutboxMessage, OutgoingEmail
from app.services import Services, get_services
from tests.contact.conftest import GOOD
from tests.support.pages import ALL_PAGES

MONDAY = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # 11 am at the demo clinic


class Site:
    """A site on which notices are added by command."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.services: Services = get_services(app)

    def notices(self, *arguments: str) -> str:
        """Run `flask notices`, then let the web process read the notices."""
        result = self.app.test_cli_runner().invoke(args=["notices", *arguments])
        self.services.notices.refresh()
        return result.output

    def page(self, path: str = "/location") -> str:
        return self.client.get(path).text

    def banners(self, path: str = "/location") -> list[str]:
        aside = re.search('<aside class="notice-banner".*?</aside>', self.page(path), re.DOTALL)
        return re.findall("<p>(.*)</p>", aside[0]) if aside else []

    def special_hours(self) -> list[Any]:
        """Of the first location, in JSON-LD."""
        script = re.search(
            r'application/ld\+json">(.*?)</script>', self.page("/location"), re.DOTALL
        )
        assert script
        organization = json.loads(script[1])["@graph"][-1]
        return list(organization["department"][0]["specialOpeningHoursSpecification"])


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveler:
        yield traveler


@pytest.fixture
def site(make_app: Callable[..., Flask], clock: time_machine.Traveller) -> Site:  # noqa: ARG001
    return Site(make_app(SEND_ACKNOWLEDGEMENT="true", RATELIMIT_ENABLED="false"))


def test_a_notice_is_on_every_page_in_every_encoding_and_ends_by_itself(
    site: Site, clock: time_machine.Traveller
) -> None:
    without = site.page()
    assert site.banners() == []
    site.notices("add", "New <parking> lot", "--end", "17:00")
    banner = ["New &lt;parking&gt; lot (until 5 pm on Monday, November 30)"]
    paths = [*ALL_PAGES, "/unavailable", "/answered/x"]
    assert [path for path in paths if site.banners(path) != banner] == []
    for encoding in ("br", "gzip"):
        response = site.client.get("/", headers={"Accept-Encoding": encoding})
        assert response.headers["Content-Encoding"] == encoding
    clock.move_to(MONDAY + timedelta(hours=6))
    assert site.banners() == []
    assert site.page() == without


def test_a_closure_is_in_the_hours_in_json_ld_and_in_acknowledgements(site: Site) -> None:
    site.notices("add", "Snow", "--closed")
    assert site.banners() == ["Closed today, Monday, November 30. Snow"]
    assert re.search(r"Monday, November 30, 2026</time>: 9 am to 11 am \(Snow\)", site.page())
    today = {"validFrom": "2026-11-30", "validThrough": "2026-11-30"}
    assert {"@type": "OpeningHoursSpecification", "opens": "09:00", "closes": "11:00", **today} in (
        site.special_hours()
    )
    site.client.post("/contact", data=GOOD)
    assert "Please note: Closed today, Monday, November 30. Snow" in acknowledgement(site)


def acknowledgement(site: Site) -> str:
    query = sa.select(OutboxMessage.encrypted_message).where(OutboxMessage.is_acknowledgement)
    with site.services.database.read_session() as session:
        content = site.services.database.keys.decrypt(session.scalars(query).one() or b"")
    return OutgoingEmail.from_json(content).text


def test_closing_early_changes_into_closed(site: Site, clock: time_machine.Traveller) -> None:
    site.notices("add", "--closing-at", "14:00", "--location", "quay")
    assert site.banners() == ["Quay Street: Closing at 2 pm today, Monday, November 30."]
    assert ": 9 am to 2 pm<" in site.page()
    clock.shift(timedelta(hours=4))
    assert site.banners() == ["Quay Street: Closed today, Monday, November 30."]
    clock.shift(timedelta(hours=9))
    assert site.banners() == []


@pytest.mark.parametrize(
    ("arguments", "banner"),
    [
        (["--closed", "--end", "2026-12-02"], "Closed until the end of Wednesday, December 2."),
        (["--closed", "--end", "13:00"], "Closed until 1 pm on Monday, November 30."),
        (["--closing-at", "2026-12-24", "--end", "2026-12-24"], "Closed on Thursday, December 24."),
        (
            ["Back", "--closing-at", "2026-12-24 12:00", "--end", "2027-01-03"],
            "Closed from noon on Thursday, December 24 until the end of Sunday, January 3. Back",
        ),
    ],
)
def test_the_text_names_the_end(site: Site, arguments: list[str], banner: str) -> None:
    site.notices("add", *arguments)
    assert site.banners() == [banner]


def test_a_closure_of_some_days_is_in_the_hours_of_each(site: Site) -> None:
    site.notices("add", "--closed", "--end", "2026-12-02 12:00")
    page = site.page()
    for hours in ("November 30, 2026</time>: 9 am to 11 am", "December 1, 2026</time>: closed",
                  "December 2, 2026</time>: noon to 7 pm"):  # fmt: skip
        assert hours in page


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "write what visitors should know"),
        (["x" * 201], "at most 200 characters"),
        (["two\nlines"], "one line"),
        (["Text", "--location", "moon"], "no location 'moon'"),
        (["Text", "--start", "15:00", "--end", "14:00"], "must end after it starts"),
        (["Text", "--start", "2026-11-01", "--end", "2026-11-02"], "the end is in the past"),
        (["Text", "--end", "2028-01-01"], "for a year at most"),
        (["--closing-at", "2026-12-02", "--end", "2026-12-01"], "close before the notice ends"),
        (["Text", "--end", "tomorrow"], "'tomorrow' is not a time: write"),
    ],
)
def test_a_notice_that_cannot_be_right_is_refused(
    site: Site, arguments: list[str], error: str
) -> None:
    assert error in site.notices("add", *arguments)
    assert site.notices("list") == "No entries.\n"


def test_two_notices_that_contradict_each_other_are_refused(site: Site) -> None:
    site.notices("add", "--closed", "--location", "hill")
    assert "overlaps notice 1, which is shown until the end of Monday, November 30" in (
        site.notices("add", "--closing-at", "15:00")
    )
    assert "Notice 2" in site.notices("add", "--closed", "--location", "quay")
    assert "Notice 3" in site.notices("add", "A text beside the closures")
    assert "overlaps notice 3" in site.notices("add", "Another text")
    assert "Notice 4" in site.notices("add", "Later", "--start", "2026-12-01")


def test_notices_are_listed_and_removed(site: Site) -> None:
    site.notices("add", "Now", "--closed")
    site.notices("add", "Later", "--start", "2026-12-01", "--end", "2026-12-02")
    (first, second) = json.loads(site.notices("list", "--json"))
    assert (first["notice"], second["end"]) == (1, "2026-12-03T05:00:00+00:00")
    assert site.notices("remove", "1", "--yes") == "ended\n"
    assert site.banners() == []
    assert "there is no current notice 1" in site.notices("remove", "1", "--yes")
    site.notices("remove", "2", "--yes")
    assert site.notices("list") == "No entries.\n"
    # One that was shown stays: reminders count only the time the clinic was open.
    assert "Now" in site.notices("list", "--all")
    assert "Later" not in site.notices("list", "--all")


def test_pages_keep_the_notices_while_the_database_is_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.notices("add", "Still here")

    def fail(_self: object) -> None:
        raise sa.exc.OperationalError("", {}, Exception())

    monkeypatch.setattr(type(site.services.database), "read_session", fail)
    site.services.notices.refresh()
    assert site.banners() == ["Still here (until the end of Monday, November 30)"]


def test_an_hour_may_have_one_digit(site: Site) -> None:
    assert "9 am" in site.notices("add", "--start", "2026-12-01", "--closing-at", "9:00")


def test_a_notice_starts_by_itself(site: Site, clock: time_machine.Traveller) -> None:
    site.notices("add", "Soon", "--start", "12:00")
    assert site.banners() == []
    clock.shift(timedelta(hours=1))
    assert len(site.banners()) == 1
    with site.services.database.session() as session:
        assert session.scalars(sa.select(Notice)).one().location is None
