"""Databases that are locked, full, stopped, disconnected, migrated or restored."""

import time
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from app.contact.models import Inquiry, InquiryState
from app.database.engines import sqlite_module
from app.maintenance import retention
from app.outbox import admin
from app.outbox.models import OutboxMessage
from app.scheduler import ScheduledJob
from tests.faults.clients import Load
from tests.faults.database_servers import Postgres, database_name
from tests.faults.fault_plan import SHORT_TIMES
from tests.faults.postgres_proxy import CuttingProxy
from tests.faults.registry import POSTGRES, SQLITE, scenario
from tests.faults.site_under_test import SiteUnderTest, UnavailableError, wait_until
from tests.faults.small_disk import SmallDisk, move_database

LOCKED = 20.0  # seconds; the site waits 15 for a lock


def failures(load: Load) -> list[int | str]:
    """The responses to attempts of clients that ended without an acknowledgement."""
    return [
        response
        for submission in tuple(load.submissions)
        for response in submission.responses
        if response not in (201, 303)
    ]


def failed_attempts(load: Load) -> int:
    return len(failures(load))


def wait_for_more(load: Load, count: int) -> None:
    """Wait until ``count`` more inquiries are acknowledged."""
    goal = load.acknowledged + count
    wait_until(lambda: load.acknowledged >= goal, 60, f"{count} more inquiries")


@scenario("database locked for 20 s")
def locked(site: SiteUnderTest) -> None:
    site.start()
    with site.load(clients=3) as load:
        wait_for_more(load, 10)
        with closing(_lock(site)):
            time.sleep(LOCKED)
        site.injected = failed_attempts(load)
        wait_for_more(load, 10)


def _lock(site: SiteUnderTest) -> Any:
    """A connection that holds a lock that the site needs, until it is closed."""
    if site.server.name == SQLITE:
        file = site.url.removeprefix("sqlite:///")
        sqlite = sqlite_module.connect(file, isolation_level=None, timeout=20)
        sqlite.execute("BEGIN EXCLUSIVE")
        return sqlite
    postgres = psycopg.connect(site.url.replace("+psycopg", ""))
    postgres.execute("LOCK TABLE inquiry, outbox_message IN ACCESS EXCLUSIVE MODE")
    return postgres


@scenario("disk full, then freed")
def disk_full(site: SiteUnderTest) -> None:
    try:
        disk = SmallDisk(site)
    except UnavailableError:
        if site.server.name == POSTGRES:
            raise
        _quota_full(site)
        return
    move_database(site, disk)
    site.start()
    with site.load() as load:
        wait_for_more(load, 10)
        disk.fill()
        wait_until(lambda: failed_attempts(load) >= 6, 60, "6 failed attempts")
        site.injected = failed_attempts(load)
        assert set(failures(load)) == {503}, "not answered with 'not saved'"
        disk.free()
        wait_for_more(load, 10)


def _quota_full(site: SiteUnderTest) -> None:
    """Where mounting is not allowed: limit the size of the SQLite file."""
    quota = site.folder / "quota"
    site.start(quota=str(quota))
    with site.load() as load:
        wait_for_more(load, 10)
        quota.write_text("1")  # below the current size, SQLite uses the current size
        wait_until(lambda: failed_attempts(load) >= 6, 60, "6 failed attempts")
        site.injected = failed_attempts(load)
        quota.unlink()
        wait_for_more(load, 10)


@scenario("PostgreSQL stopped immediately, three times", on=(POSTGRES,), short=(POSTGRES,))
def stopped(site: SiteUnderTest) -> None:
    server = site.server
    assert isinstance(server, Postgres)
    site.start()
    with site.load() as load:
        for _ in range(3):
            wait_for_more(load, 12)
            before = failed_attempts(load)
            server.stop_immediately()
            try:
                wait_until(lambda: failed_attempts(load) > before, 30, "a failed attempt")  # noqa: B023
            finally:
                server.start()
            site.injected += 1
        wait_for_more(load, 12)


@scenario("connection cut between commit and response", on=(POSTGRES,), short=(POSTGRES,))
def connection_cut(site: SiteUnderTest) -> None:
    server = site.server
    assert isinstance(server, Postgres)
    proxy = CuttingProxy(server.socket, every=9, limit=8)
    site.at_end.callback(proxy.close)
    address = f"127.0.0.1:{proxy.port}/{database_name(site.url)}?sslmode=disable"
    site.env = {"DATABASE_URL": f"postgresql+psycopg://postgres@{address}"}
    site.start()
    with site.load():
        wait_until(lambda: proxy.cuts >= 8, 60, "8 cuts")
    site.injected = proxy.cuts


@scenario(
    "clock one hour forward, then back",
    note="on PostgreSQL the application's clock, not the server's",
)
def clock(site: SiteUnderTest) -> None:
    offset = site.folder / "clock-offset"
    site.start(clock_offset=str(offset))
    with site.load() as load:
        for seconds in (3600, -3600, 0):
            wait_for_more(load, 12)
            offset.write_text(str(seconds))
            wait_for_more(load, 12)
            site.injected += seconds != 0
    if site.server.name == SQLITE:
        with site.database.read_session() as session:
            first, last = session.execute(
                sa.select(sa.func.min(Inquiry.created_at), sa.func.max(Inquiry.created_at))
            ).one()
        assert (last - first).total_seconds() > 1.9 * 3600, "the clock did not jump"


@scenario(
    "all clocks one year forward, then back",
    note="on PostgreSQL also the server's clock, as the application reads it; nothing is erased",
)
def year(site: SiteUnderTest) -> None:
    offset = site.folder / "clock-offset"
    times = SHORT_TIMES | {"app.scheduler.POLL_INTERVAL": 1.0}
    site.start(clock_offset=str(offset), database_clock=True, times=times)
    with site.load(count=12):
        pass
    site.drain()  # retention would erase what is delivered
    wait_until(lambda: _jobs_run(site, 0), 30, "the first run of the jobs")
    with site.load() as load:
        for days in (365, 0):
            offset.write_text(str(days * 86_400))
            wait_until(lambda: _jobs_run(site, days), 30, f"jobs run {days} days ahead")  # noqa: B023
            wait_for_more(load, 12)
        site.injected = 1
    with site.database.read_session() as session:
        erased = sa.select(sa.func.count()).where(Inquiry.state == InquiryState.ERASED)
        assert not session.scalar(erased), "inquiries were erased"


def _jobs_run(site: SiteUnderTest, days: int) -> bool:
    """Whether a mailer has run a job at this date that comes after retention in its list."""
    with site.database.read_session() as session:
        job = session.get(ScheduledJob, retention.spam_digest_cleanup_job().name)
        age = site.database.now(session) + timedelta(days=days) - job.started_at if job else None
    return age is not None and abs(age) < timedelta(hours=12)


@scenario(
    "flask db upgrade under load",
    note="inquiries are rejected until the tables exist; repeated with nothing to do",
)
def upgrade(site: SiteUnderTest) -> None:
    site.url = site.server.create_empty(site.folder)
    site.start()
    with site.load() as load:
        wait_until(lambda: failed_attempts(load) >= 6, 60, "6 failed attempts")
        site.flask("db", "upgrade")
        site.injected = 1
        wait_for_more(load, 12)
        site.flask("db", "upgrade")
        wait_for_more(load, 12)


@scenario(
    "an old backup restored",
    note="nothing is sent while paused; delivered messages are cancelled, then sending resumes",
)
def old_backup(site: SiteUnderTest) -> None:
    backup = site.folder / "backup"
    site.start()
    with site.load(count=20):
        pass
    site.drain()
    site.relay.script = {"greeting": "421 down"}
    with site.load(count=10):
        pass
    site.flask("backup", str(backup))
    site.relay.script = {}
    with site.load(count=10):
        pass
    site.drain()
    delivered = {message.message_id for message in site.messages()}
    site.stop()
    site.flask("restore", str(backup), "--replace", "--yes")
    site.start()
    with site.load(count=10):
        pass
    time.sleep(5)
    assert len(_pending(site)) == 20, "10 messages of the backup and 10 new ones are pending"
    received = {message.message_id for message in site.messages()}
    assert received == delivered, "nothing is sent while paused"
    _cancel(site, delivered)
    site.flask("outbox", "resume", "--yes")
    site.injected = 1
    site.rows_may_be_missing = True


def _pending(site: SiteUnderTest) -> list[str]:
    """The references of inquiries with a pending message, without the digest."""
    references = sa.select(OutboxMessage.reference).join(
        Inquiry, Inquiry.reference == OutboxMessage.reference
    )
    with site.database.read_session() as session:
        return list(session.scalars(references.where(OutboxMessage.due_at.is_not(None))))


def _cancel(site: SiteUnderTest, delivered: set[str]) -> None:
    with site.database.session() as session:
        pending = sa.select(OutboxMessage).where(OutboxMessage.due_at.is_not(None))
        for row in session.scalars(pending).all():
            if row.message_id in delivered:
                admin.cancel(session, row.id, site.database.now(session))
