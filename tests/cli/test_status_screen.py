"""``flask status``: one screen that says how the site stands."""

import json
from datetime import timedelta

from click.testing import Result

from app.maintenance.backup import record_backup
from app.outbox import admin
from app.scheduler import ScheduledJob
from tests.monitoring.test_digest import Desk
from tests.support.outbox import Outbox, outbox

__all__ = ["outbox"]


def status(outbox: Outbox, *words: str) -> Result:
    return outbox.app.test_cli_runner().invoke(args=["status", *words])


def test_a_calm_site_on_one_screen(outbox: Outbox) -> None:
    desk = Desk.__new__(Desk)
    desk.outbox = outbox
    desk.receive("BCD-FGH")
    outbox.advance(minutes=3)
    record_backup(outbox.database, outbox.now - timedelta(hours=3))
    with outbox.database.session() as session:  # 08:03 in New York: both were done today
        for name in ("retention", "digest"):
            session.add(ScheduledJob(name=name, started_at=outbox.now))
    shown = status(outbox)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for line in (
        "Last inquiry   BCD-FGH, 2026-07-01 08:00:00 (3 min ago), received",
        "Held           nothing waits for a look",
        "Outbox         0 waiting; 0 undelivered",
        "Mail server    no fault seen",
        "Mailers        m: last sign of life 0 s ago, up for 3 min",
        "Backup         3 h ago",
        "Next erasing   2026-07-02 03:30:00",
        "Next digest    2026-07-02 07:30:00",
    ):
        assert line in lines
    assert "Ada" not in shown.output


def test_trouble_is_told_with_what_to_do_and_in_the_exit_status(outbox: Outbox) -> None:
    outbox.add(state="dead")
    outbox.add()
    outbox.advance(minutes=16)
    outbox.set_transport_failure("SMTPAuthenticationError: no")
    with outbox.database.session() as session:
        admin.pause(session, "restored", outbox.now)
    shown = status(outbox)
    assert shown.exit_code == 1
    for words in (
        "1 waiting, the oldest for 16 min; 1 undelivered; ON HOLD since 2026-07-01 08:16:00",
        "takes no mail since 2026-07-01 08:16:00 (authentication)",
        "page: 1 mail could not be delivered. What to do: `flask outbox list` says why",
        "warn: The outbox is on hold",
    ):
        assert words in shown.output


def test_held_inquiries_are_told_before_they_are_trouble(outbox: Outbox) -> None:
    desk = Desk.__new__(Desk)
    desk.outbox = outbox
    desk.receive("HHH-HHH", state="quarantined", quarantine_reasons="the hidden field")
    outbox.advance(minutes=90)
    outbox.heartbeat()
    shown = status(outbox)
    assert shown.exit_code == 0
    assert "Held           1 waiting for a look, the oldest for 90 min" in shown.output.splitlines()
    told = json.loads(status(outbox, "--json").output)
    assert (told["quarantined"], told["oldest_quarantined_seconds"], told["problems"]) == (
        1,
        5400,
        [],
    )


def test_a_new_site_says_what_there_is_none_of(outbox: Outbox) -> None:
    shown = status(outbox).output
    assert "Next digest    2026-07-02 07:30:00" in shown.splitlines()
    for words in ("Last inquiry   none yet", "none is known of"):
        assert words in shown


def test_the_same_for_programs(outbox: Outbox) -> None:
    outbox.add()
    outbox.advance(minutes=61)
    done = status(outbox, "--json")
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert told["pending"] == 1
    assert told["oldest_pending_seconds"] == 3660
    assert told["last_inquiry"] is None
    assert told["mailers"][0]["heartbeat_at"] == "2026-07-01T13:01:00+00:00"
    assert [one["event"] for one in told["problems"]] == ["waiting"]
