"""Whatever keeps inquiries from being stored, or alerts and pings from being accepted, is alerted
within two minutes, and its end too.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.http_calls import CallResult
from app.monitoring.alert_addresses import AlertAddresses, send_and_record
from app.monitoring.alerts import alert_job, uptime_ping_job, website_job
from app.monitoring.observations import (
    PING,
    WEBSITE,
    call_and_record,
    record,
    store_refused_posts,
)
from app.outbox import admin
from app.outbox.heartbeat import Heartbeat
from app.scheduler import Scheduler
from app.services import get_services
from tests.contact.conftest import Visitor
from tests.monitoring.test_health import make_read_only
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.webhook_receiver import HANG, Receiver, receiver

__all__ = ["outbox", "receiver"]

LOOP = 5.0  # seconds between two rounds of the scheduler


class MailerHarness:
    """The jobs of a mailer, with a website, a receiver of alerts, a second one, of pings, and a
    clock of its own.
    """

    def __init__(
        self, outbox: Outbox, receiver: Receiver, website: Receiver, second: Receiver
    ) -> None:
        self.outbox, self.receiver, self.website = outbox, receiver, website
        self.second, self.database = second, outbox.database
        self.use_addresses(receiver.alert_url)

    def use_addresses(self, *urls: str) -> None:
        """Send alerts to ``urls``, from a new start of the mailer on."""
        call = partial(call_and_record, self.database)
        addresses = AlertAddresses(urls, site="https://c.example")
        jobs = [
            alert_job(
                self.database,
                partial(send_and_record, self.database, addresses),
                clinic="Test Clinic",
                site="https://c.example",
            ),
            website_job(partial(call, WEBSITE, f"{self.website.url}/readyz")),
            uptime_ping_job(partial(call, PING, f"{self.second.url}/ping")),
        ]
        self.scheduler = Scheduler(self.database, Heartbeat(self.database, "m"), jobs)

    def run(self, seconds: float, step: float = LOOP) -> list[tuple[str, str]]:
        """Run the scheduler for so long: the reports, as event and status."""
        before = len(self.receiver.reports)
        for _ in range(int(seconds / step)):
            self.outbox.now += timedelta(seconds=step)
            with suppress(SQLAlchemyError):  # while the database cannot be written
                self.outbox.heartbeat()
            self.scheduler.run_due_jobs()
        return [(event, status) for event, status, _ in self.receiver.reports[before:]]

    def pings(self) -> int:
        return len([call for call in self.second.calls if call.method == "GET"])


@pytest.fixture
def website() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def second() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def mailer(
    outbox: Outbox,
    receiver: Receiver,
    website: Receiver,
    second: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> MailerHarness:
    monkeypatch.setattr(clock, "now", lambda: outbox.now)
    harness = MailerHarness(outbox, receiver, website, second)
    assert harness.run(60) == []
    return harness


@contextmanager
def renamed(outbox: Outbox, table: str) -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        with outbox.database.session() as session:
            session.connection().exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    rename(table, "gone")
    yield
    rename("gone", table)


@sqlite_only
@pytest.mark.parametrize("status", [503, 404, HANG, None])
def test_a_website_that_does_not_answer_is_alerted_and_stops_the_pings(
    mailer: MailerHarness, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http_calls.DEADLINE", 0.2)
    if status is None:
        mailer.website.close()
    else:
        mailer.website.status = status
    assert mailer.run(100) == [("website_down", "firing")]
    pings = mailer.pings()
    assert mailer.run(180, step=30) == []
    assert mailer.pings() == pings
    if status is not None:
        mailer.website.status = 200
        assert mailer.run(180, step=20) == [("website_down", "resolved")]
        assert mailer.pings() > pings


@sqlite_only
def test_a_website_that_restarts_is_not_alerted(mailer: MailerHarness) -> None:
    mailer.website.status = 502
    assert mailer.run(30) == []
    mailer.website.status = 200
    assert mailer.run(180, step=30) == []


@pytest.mark.parametrize("table", ["alert", "scheduled_job", "outbox_message"])
def test_an_unusable_database_is_alerted_although_nothing_can_be_stored(
    mailer: MailerHarness, table: str
) -> None:
    with renamed(mailer.outbox, table):
        assert mailer.run(90) == [("database_down", "firing")]
        assert mailer.run(180, step=30) == []
    assert ("database_down", "resolved") in mailer.run(30)


def test_a_read_only_database_is_alerted(mailer: MailerHarness) -> None:
    make_read_only(mailer.database)
    assert mailer.run(90) == [("database_down", "firing")]


@sqlite_only
def test_an_outage_of_some_seconds_is_not_alerted(mailer: MailerHarness) -> None:
    with renamed(mailer.outbox, "alert"):
        assert mailer.run(15) == []
    assert mailer.run(60) == []


@sqlite_only
def test_an_alert_about_the_database_is_retried(mailer: MailerHarness) -> None:
    with renamed(mailer.outbox, "alert"):
        mailer.receiver.status = 500
        assert len(mailer.run(60)) > 1
        mailer.receiver.status = 200
        assert mailer.run(60) == [("database_down", "firing")]


@sqlite_only
def test_pings_that_are_refused_are_alerted_within_two_minutes(mailer: MailerHarness) -> None:
    mailer.second.status = 500
    assert mailer.run(120) == [("ping_fails", "firing")]
    mailer.second.status = 200
    assert mailer.run(240, step=20) == [("ping_fails", "resolved")]


@sqlite_only
def test_one_refused_ping_is_not_alerted(mailer: MailerHarness) -> None:
    pings = mailer.pings()
    mailer.second.status = 500
    while mailer.pings() == pings:
        assert mailer.run(LOOP) == []
    mailer.second.status = 200
    assert mailer.run(180) == []


@sqlite_only
def test_an_address_that_refuses_one_alert_is_alerted_at_the_other(mailer: MailerHarness) -> None:
    mailer.use_addresses(mailer.receiver.alert_url, mailer.second.alert_url)
    mailer.second.status = 500
    with mailer.database.session() as session:
        admin.pause(session, "a test", mailer.outbox.now)
    assert mailer.run(120, step=10) == [
        ("paused", "firing"), ("alerts_fail", "firing"), ("ping_fails", "firing")
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["form", "api"])
def test_refused_inquiries_are_alerted_by_the_mailer(
    mailer: MailerHarness, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor(mailer.outbox.app)
    with renamed(mailer.outbox, "inquiry"):
        sent = visitor.send() if method == "form" else visitor.call()
        assert sent.status_code == 503
    store_refusals(mailer, monkeypatch)
    assert mailer.run(30) == [("inquiries_refused", "firing")]
    assert mailer.run(780, step=60) == []
    assert mailer.run(300, step=30) == [("inquiries_refused", "resolved")]


@sqlite_only
def test_a_refusal_is_stored_once_the_database_can_be_written(
    mailer: MailerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_services(mailer.outbox.app).post_refused.set()
    with renamed(mailer.outbox, "observation"):
        store_refusals(mailer, monkeypatch)
    store_refusals(mailer, monkeypatch)
    assert mailer.run(10) == [("inquiries_refused", "firing")]


@sqlite_only
def test_mistakes_of_visitors_are_not_refusals(mailer: MailerHarness) -> None:
    visitor = Visitor(mailer.outbox.app)
    assert visitor.send(email="nonsense").status_code == 422
    assert visitor.call(email="nonsense").status_code == 422
    assert visitor.client.get("/no-such-page").status_code == 404
    assert not get_services(mailer.outbox.app).post_refused.is_set()


def store_refusals(mailer: MailerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the web worker's thread until it sleeps."""

    def stop(_seconds: float) -> None:
        raise InterruptedError

    services = get_services(mailer.outbox.app)
    assert services.post_refused.is_set()
    monkeypatch.setattr("app.monitoring.observations.time.sleep", stop)
    with pytest.raises(InterruptedError):
        store_refused_posts(services)


@sqlite_only
@pytest.mark.parametrize(("days", "expected"), [(13.9, [("certificate_ends", "firing")]), (15, [])])
def test_a_certificate_that_ends_within_two_weeks_is_alerted(
    mailer: MailerHarness, days: float, expected: list[tuple[str, str]]
) -> None:
    end = mailer.outbox.now + timedelta(days=days)
    record(mailer.database, WEBSITE, CallResult("", end))
    assert mailer.run(10) == expected
