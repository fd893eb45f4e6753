"""Problems are reported to a real HTTP receiver: at once, again, and when they are over."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from app.database import Database
from app.maintenance.backup import expect_backups, record_backup
from app.monitoring.alert_addresses import AlertAddresses, Report, send_and_record
from app.monitoring.alerts import Alert, alert_job
from app.outbox import admin
from app.outbox.heartbeat import Heartbeat
from app.outbox.send_errors import TransportFault
from app.scheduler import Job, Scheduler, run_if_due
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["outbox", "receiver"]


class Watcher:
    """Runs the alert job and reads what the receiver got."""

    def __init__(self, outbox: Outbox, receiver: Receiver) -> None:
        self.outbox = outbox
        self.receiver = receiver
        self.job = job(outbox.database, receiver)

    def check(self, **later: float) -> list[tuple[str, str, str]]:
        """Advance the time and run the job: the reports (event, status, severity)."""
        before = len(self.receiver.calls)
        self.outbox.advance(**(later or {"seconds": 5}))
        assert run_if_due(self.outbox.database, self.job)
        return self.receiver.reports[before:]


def job(database: Database, receiver: Receiver) -> Job:
    addresses = AlertAddresses([receiver.alert_url], site="https://clinic.example")
    send = partial(send_and_record, database, addresses)
    return alert_job(database, send, clinic="Test Clinic", site="https://clinic.example")


@pytest.fixture
def watch(outbox: Outbox, receiver: Receiver) -> Watcher:
    return Watcher(outbox, receiver)


@sqlite_only
def test_nothing_is_reported_without_a_problem(watch: Watcher) -> None:
    watch.outbox.add()
    assert watch.check() == []
    assert watch.check(minutes=14) == []


def test_an_undelivered_message_is_reported_at_once_every_four_hours_and_at_its_end(
    watch: Watcher,
) -> None:
    watch.outbox.add(state="dead")
    assert watch.check() == [("undelivered", "firing", "critical")]
    assert watch.check() == []
    assert watch.check(hours=3.9) == []
    assert watch.check(hours=0.2) == [("undelivered", "firing", "critical")]
    assert watch.check(hours=3.9) == []
    watch.outbox.cancel_all()
    assert watch.check() == []
    assert watch.check(minutes=2) == [("undelivered", "resolved", "ok")]
    assert watch.check(minutes=2) == []
    assert watch.check(hours=5) == []


@sqlite_only
@pytest.mark.parametrize("fault", [TransportFault.AUTHENTICATION, TransportFault.TLS])
def test_a_refusing_mail_server_is_reported_at_once_and_at_its_end(
    watch: Watcher, fault: TransportFault
) -> None:
    watch.outbox.set_transport_failure(fault)
    assert watch.check() == [("mail_transport", "firing", "critical")]
    assert watch.check(hours=1) == []
    watch.outbox.set_transport_failure(None)
    watch.check()
    assert watch.check(minutes=2) == [("mail_transport", "resolved", "ok")]


@sqlite_only
def test_waiting_email_is_a_warning_after_15_minutes_and_critical_after_an_hour(
    watch: Watcher,
) -> None:
    watch.outbox.add()
    assert watch.check(minutes=15) == []
    assert watch.check(minutes=1) == [("delivery_delayed", "firing", "warning")]
    assert watch.check(minutes=40) == []
    assert watch.check(minutes=5) == [("delivery_delayed", "firing", "critical")]
    assert watch.check(hours=1) == []
    watch.outbox.update_all(state="delivered", due_at=None)
    watch.check()
    assert watch.check(minutes=2) == [("delivery_delayed", "resolved", "ok")]


@sqlite_only
def test_a_paused_outbox_is_reported(watch: Watcher) -> None:
    with watch.outbox.database.session() as session:
        admin.pause(session, "restored", watch.outbox.now)
    assert watch.check() == [("paused", "firing", "warning")]
    assert watch.check() == []


@sqlite_only
def test_more_undelivered_messages_are_reported_together(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    watch.check()
    for _ in range(5):
        watch.outbox.add(state="dead")
        assert watch.check() == []
    assert watch.check(minutes=1) == [("undelivered", "firing", "critical")]
    assert "6 messages" in watch.receiver.bodies[-1]["title"]
    assert watch.check(minutes=5) == []


@sqlite_only
def test_problems_are_reported_although_the_clock_was_set_back(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    assert watch.check() == [("undelivered", "firing", "critical")]
    assert watch.check(hours=-24) == [("undelivered", "firing", "critical")]
    assert watch.check(minutes=1) == []


@sqlite_only
def test_a_problem_that_improves_and_gets_worse_again_is_reported(watch: Watcher) -> None:
    first = watch.outbox.add(state="dead")
    watch.outbox.add(state="dead")
    watch.check()
    with watch.outbox.database.session() as session:
        session.execute(
            sa.text("delete from outbox_message where id = :id").bindparams(
                sa.bindparam("id", first, sa.Uuid())
            )
        )
    assert watch.check(minutes=1) == []
    watch.outbox.add(state="dead")
    assert watch.check(minutes=1) == [("undelivered", "firing", "critical")]


@sqlite_only
def test_an_intermittent_problem_is_reported_once(watch: Watcher) -> None:
    reports = []
    for _ in range(6):
        watch.outbox.set_transport_failure(TransportFault.AUTHENTICATION)
        reports += watch.check(seconds=15)
        watch.outbox.set_transport_failure(None)
        reports += watch.check(seconds=15)
    assert reports == [("mail_transport", "firing", "critical")]


@sqlite_only
def test_a_failed_report_is_retried_at_the_next_check(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    watch.receiver.status = 503
    assert len(watch.check()) == 1
    assert len(watch.check()) == 1
    watch.receiver.status = 200
    assert len(watch.check()) == 1
    assert watch.check() == []


@sqlite_only
def test_a_failed_report_of_an_end_is_retried_at_the_next_check(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    watch.check()
    watch.outbox.cancel_all()
    watch.check()
    watch.receiver.status = 500
    assert watch.check(minutes=2) == [("undelivered", "resolved", "ok")]
    watch.receiver.status = 200
    assert watch.check() == [("undelivered", "resolved", "ok")]
    assert watch.check() == []


@sqlite_only
def test_a_problem_that_ends_before_it_was_reported_is_never_reported(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    watch.receiver.status = 500
    watch.check()
    watch.receiver.status = 200
    watch.outbox.cancel_all()
    assert watch.check() == []
    assert watch.check(minutes=5) == [("alerts_fail", "firing", "warning")], "the refusal itself is"
    assert watch.check(minutes=2) == []
    assert watch.check(minutes=2) == [("alerts_fail", "resolved", "ok")]


@sqlite_only
def test_another_mailer_reports_when_one_crashes_while_reporting(watch: Watcher) -> None:
    watch.outbox.add(state="dead")
    crashing = alert_job(watch.outbox.database, lambda _: _exit(), clinic="Test Clinic", site="x")
    watch.outbox.advance(seconds=5)
    with pytest.raises(SystemExit):
        run_if_due(watch.outbox.database, crashing)
    assert watch.check(seconds=30) == []
    assert watch.check(seconds=31) == [("undelivered", "firing", "critical")]


def _exit() -> bool:
    raise SystemExit


@sqlite_only
def test_a_report_says_what_to_do_without_personal_data(watch: Watcher) -> None:
    watch.outbox.add(state="dead", last_error="550 no such user desk@clinic.example")
    watch.check()
    (body,) = watch.receiver.bodies
    assert body["title"] == "[critical] Test Clinic: 1 message could not be delivered"
    assert body["type"] == "failure"
    advice, event, site = body["message"].splitlines()
    assert "flask outbox list" in advice
    assert event == "undelivered, since 2026-07-01 12:00 UTC"
    assert site == "https://clinic.example"
    assert "desk@" not in str(body)
    assert "AAA-AAA" not in str(body)


def test_several_mailers_report_a_problem_once(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads check like eight mailers, also while the first is still reporting."""
    outbox.add(state="dead")
    seconds = itertools.count()
    moment = outbox.now
    monkeypatch.setattr(
        outbox.database, "now", lambda _session: moment + timedelta(seconds=next(seconds))
    )
    start = threading.Barrier(8)
    runs: list[bool] = []

    addresses = AlertAddresses([receiver.alert_url], site="x")

    def send(report: Report) -> bool:
        time.sleep(1)
        return "" in addresses.send(report).values()

    def check(_number: int) -> None:
        own_job = alert_job(outbox.database, send, clinic="Test Clinic", site="x")
        start.wait()
        runs.extend(run_if_due(outbox.database, own_job) for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, range(8)))
    assert sum(runs) > 1
    assert [event for event, *_ in receiver.reports] == ["undelivered"]


@sqlite_only
def test_an_unreachable_receiver_does_not_stop_other_jobs(
    outbox: Outbox, receiver: Receiver
) -> None:
    outbox.add(state="dead")
    done: list[str] = []
    receiver.close()
    other = Job("other", lambda _last, _now: True, lambda *_: lambda: done.append("other"))
    scheduler = Scheduler(
        outbox.database,
        Heartbeat(outbox.database, "m"),
        [job(outbox.database, receiver), other],
    )
    scheduler.run_due_jobs()
    assert done == ["other"]
    with outbox.database.read_session() as session:
        assert session.scalars(sa.select(Alert.notified_at)).all() == [None]


def test_three_missed_backups_are_reported_until_one_is_made(watch: Watcher) -> None:
    database, hour = watch.outbox.database, timedelta(hours=1)
    assert watch.check() == [], "a site without regular backups"
    record_backup(database, watch.outbox.now, hour)
    assert watch.check(hours=3) == []
    assert watch.check(seconds=5) == [("backup", "firing", "warning")]
    title = watch.receiver.bodies[-1]["title"]
    assert "Backups have been overdue for 5 s: three are missing" in title
    assert watch.check(hours=3.9) == []
    record_backup(database, watch.outbox.now, hour)
    assert watch.check() == []
    assert watch.check(minutes=2) == [("backup", "resolved", "ok")]


@sqlite_only
def test_backups_that_have_never_succeeded_are_reported(watch: Watcher) -> None:
    database, hour = watch.outbox.database, timedelta(hours=1)
    for _ in range(3):
        expect_backups(database, watch.outbox.now, hour)
        assert watch.check(hours=1) == []
    assert watch.check(seconds=5) == [("backup", "firing", "warning")]


@sqlite_only
def test_a_manual_backup_does_not_hide_that_regular_ones_are_missing(watch: Watcher) -> None:
    record_backup(watch.outbox.database, watch.outbox.now, timedelta(hours=1))
    record_backup(watch.outbox.database, watch.outbox.now + timedelta(hours=2), None)
    assert watch.check(hours=3, seconds=1) == [("backup", "firing", "warning")]
