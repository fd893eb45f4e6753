"""``flask status``."""

import json
from datetime import timedelta

from click.testing import Result

from app.http_calls import CallResult
from app.maintenance.backup import record_backup
from app.monitoring.observations import POSTS, WEBSITE, record
from app.outbox import admin
from app.outbox.send_errors import TransportFault
from app.scheduler import ScheduledJob
from tests.monitoring.test_digest import DigestHarness
from tests.support.outbox import Outbox, outbox

__all__ = ["outbox"]


def status(outbox: Outbox, *options: str) -> Result:
    return outbox.app.test_cli_runner().invoke(args=["status", *options])


def test_a_healthy_site_on_one_screen(outbox: Outbox) -> None:
    desk = DigestHarness.__new__(DigestHarness)
    desk.outbox = outbox
    desk.receive("BCD-FGH")
    outbox.advance(minutes=3)
    record_backup(outbox.database, outbox.now - timedelta(hours=3), None)
    with outbox.database.session() as session:  # 08:03 in New York: both have run today
        for name in ("retention", "digest"):
            session.add(ScheduledJob(name=name, started_at=outbox.now))
    shown = status(outbox)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for line in (
        "Last inquiry   BCD-FGH, 2026-07-01 08:00:00 (3 min ago), received",
        "New inquiries  can be stored",
        "Quarantine     empty",
        "Outbox         0 pending; 0 undelivered",
        "Mail server    no problem known",
        "Mailers        m: last heartbeat 0 s ago, up for 3 min",
        "Last backup    3 h ago",
        "Next retention 2026-07-02 03:30:00",
        "Next digest    2026-07-02 07:30:00",
    ):
        assert line in lines
    assert "Ada" not in shown.output


def test_problems_are_shown_with_advice_and_set_the_exit_status(outbox: Outbox) -> None:
    outbox.add(state="dead")
    outbox.add()
    outbox.advance(minutes=16)
    outbox.set_transport_failure(TransportFault.AUTHENTICATION)
    with outbox.database.session() as session:
        admin.pause(session, "restored", outbox.now)
    shown = status(outbox)
    assert shown.exit_code == 1
    for text in (
        "1 pending, the oldest for 16 min; 1 undelivered; PAUSED since 2026-07-01 08:16:00",
        "unavailable since 2026-07-01 08:16:00 (authentication)",
        "critical: 1 message could not be delivered. What to do: `flask outbox list` shows why",
        "warning: The outbox is paused",
    ):
        assert text in shown.output


def test_whatever_refuses_inquiries_is_shown(outbox: Outbox) -> None:
    record(outbox.database, WEBSITE, CallResult("status 503"))
    outbox.advance(seconds=30)
    record(outbox.database, WEBSITE, CallResult("status 503"))
    record(outbox.database, POSTS, CallResult("refused"))
    with outbox.database.session() as session:
        session.connection().exec_driver_sql("ALTER TABLE acknowledgement_limit RENAME TO gone")
    shown = status(outbox)
    assert shown.exit_code == 1
    for text in (
        "New inquiries  CANNOT BE STORED: the table acknowledgement_limit cannot be read",
        "critical: The website is not ready for inquiries: status 503. What to do: check the web",
        "critical: Inquiries were refused within the last 15 minutes",
    ):
        assert text in shown.output
    data = json.loads(status(outbox, "--json").output)
    assert "acknowledgement" in data["storage_problem"]
    assert {one["event"] for one in data["problems"]} == {"website_down", "inquiries_refused"}


def test_a_recent_quarantine_is_shown_without_a_problem(outbox: Outbox) -> None:
    desk = DigestHarness.__new__(DigestHarness)
    desk.outbox = outbox
    desk.receive("HHH-HHH", state="quarantined", quarantine_reasons="the hidden field")
    outbox.advance(minutes=90)
    outbox.heartbeat()
    shown = status(outbox)
    assert shown.exit_code == 0
    assert "Quarantine     1 to review, the oldest for 90 min" in shown.output.splitlines()
    data = json.loads(status(outbox, "--json").output)
    assert (data["quarantined"], data["oldest_quarantined_seconds"], data["problems"]) == (
        1,
        5400,
        [],
    )


def test_a_new_site_shows_what_is_missing(outbox: Outbox) -> None:
    shown = status(outbox).output
    assert "Next digest    2026-07-02 07:30:00" in shown.splitlines()
    for text in ("Last inquiry   none\n", "Last backup    none\n"):
        assert text in shown


def test_missed_backups_are_a_problem(outbox: Outbox) -> None:
    record_backup(outbox.database, outbox.now - timedelta(hours=5), timedelta(hours=1))
    shown = status(outbox).output
    assert "Last backup    5 h ago" in shown.splitlines()
    assert "warning: Backups have been overdue for 2 h: three are missing." in shown


def test_status_as_json(outbox: Outbox) -> None:
    outbox.add()
    outbox.advance(minutes=61)
    result = status(outbox, "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["pending"] == 1
    assert data["oldest_pending_seconds"] == 3660
    assert data["last_inquiry"] is None
    assert data["mailers"][0]["heartbeat_at"] == "2026-07-01T13:01:00+00:00"
    assert [one["event"] for one in data["problems"]] == ["delivery_delayed"]
