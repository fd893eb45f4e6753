"""Emails to staff lead into the console when it is on, and name commands when it is off."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from app.contact.reminders import send_reminders
from app.jobs import scheduled_jobs
from app.outbox.models import OutgoingEmail
from app.services import get_services
from tests.staff.conftest import Console

MONDAY = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)  # 10 am at the demo clinic
INQUIRY_URL = re.compile(r"http://[^/]+(/staff/inquiries/[\w-]+)")
MakeSite = Callable[..., Console]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveler:
        yield traveler


@pytest.fixture
def make_site(make_app: Callable[..., Flask]) -> MakeSite:
    return lambda **settings: Console(make_app(RATELIMIT_ENABLED="false", **settings))


def send_digest(site: Console) -> None:
    services = get_services(site.app)
    jobs = scheduled_jobs(services.settings, services.clinic, services.database, services.inquiries)
    (digest,) = (job for job in jobs if job.name == "digest")
    with site.database.session() as session:
        digest.run(session, site.database.now(session))


def emails(site: Console, clock: time_machine.Traveller) -> dict[str, OutgoingEmail]:
    """The email about an inquiry, its reminder, and the digest with it and a quarantined one."""
    site.receive()
    site.receive(honeypot="x", message="A person who was taken for a robot")
    clock.shift(timedelta(days=1))
    services = get_services(site.app)
    send_reminders(site.database, services.clinic, services.inquiries.staff_links)
    send_digest(site)
    kinds = {"Reminder": "reminder", "Daily": "digest"}
    return {
        next((kind for word, kind in kinds.items() if word in mail.subject), "inquiry"): mail
        for mail in site.mails()
        if "Overdue" not in mail.subject
    }


@pytest.mark.parametrize("detail", ["full", "contact", "minimal"])
def test_each_email_opens_its_inquiry_in_the_console(
    make_site: MakeSite, clock: time_machine.Traveller, detail: str
) -> None:
    site = make_site(STAFF_CONSOLE="on", NOTIFICATION_DETAIL=detail)
    found = emails(site, clock)
    assert set(found) == {"inquiry", "reminder", "digest"}
    staff = site.staff()
    for mail in found.values():
        paths = INQUIRY_URL.findall(mail.html)
        assert paths
        assert {staff.get(path).status_code for path in paths} == {200}
        assert "flask " not in mail.text + mail.html
    for kind in ("inquiry", "reminder"):
        assert INQUIRY_URL.findall(found[kind].text) == INQUIRY_URL.findall(found[kind].html)
    assert "/staff/quarantined" in found["digest"].text


@pytest.mark.parametrize("detail", ["full", "contact", "minimal"])
def test_without_the_console_no_email_mentions_it(
    make_site: MakeSite, clock: time_machine.Traveller, detail: str
) -> None:
    found = emails(make_site(NOTIFICATION_DETAIL=detail), clock)
    for mail in found.values():
        assert not re.search("/staff/|console", mail.text + mail.html, re.IGNORECASE)
    assert ("flask inquiries show" in found["inquiry"].text) == (detail != "full")
    assert "flask inquiries release" in found["digest"].text


def test_the_link_remains_through_signing_in(
    make_site: MakeSite, clock: time_machine.Traveller
) -> None:
    site = make_site(STAFF_CONSOLE="on")
    path = INQUIRY_URL.findall(emails(site, clock)["inquiry"].html)[0]
    response = site.app.test_client().get(path)
    assert response.status_code == 303
    assert response.headers["Location"].endswith(f"/staff/sign-in?next={path}")
