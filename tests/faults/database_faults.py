"""Databases that are locked, full, stopped, cut off, moved to a new version, put back old."""

import time
from contextlib import closing
from typing import Any

import psycopg
import sqlalchemy as sa

from app.contact.models import Inquiry
from app.database.engines import sqlite_module
from app.outbox import admin
from app.outbox.models import OutboxMessage
from tests.faults.clients import Load
from tests.faults.database_servers import Postgres, database_name
from tests.faults.postgres_proxy import CuttingProxy
from tests.faults.registry import POSTGRES, SQLITE, scenario
from tests.faults.site_under_test import SiteUnderTest, UnavailableError, wait_until
from tests.faults.small_disk import SmallDisk, move_database

LOCKED = 20.0  # seconds; the site itself waits 15


def refusals(load: Load) -> int:
    """How many attempts of clients ended without an acknowledgement."""
    return sum(answer not in (201, 303) for sent in tuple(load.sent) for answer in sent.answers)


def more(load: Load, count: int) -> None:
    """Let ``count`` more inquiries be acknowledged."""
    enough = load.acknowledged + count
    wait_until(lambda: load.acknowledged >= enough, 60, f"{count} more inquiries")


@scenario("database locked for 20 s")
def locked(site: SiteUnderTest) -> None:
    site.start()
    with site.load(clients=3) as load:
        more(load, 10)
        with closing(_lock(site)):
            time.sleep(LOCKED)
        site.injected = refusals(load)
        more(load, 10)


def _lock(site: SiteUnderTest) -> Any:
    """A connection that holds what the site needs, until it is closed."""
    if site.server.name == SQLITE:
        holder = sqlite_module.connect(
            site.url.removeprefix("sqlite:///"), isolation_level=None, timeout=20
        )
        holder.execute("BEGIN EXCLUSIVE")
        return holder
    connection = psycopg.connect(site.url.replace("+psycopg", ""))
    connection.execute("LOCK TABLE inquiry, outbox_message IN ACCESS EXCLUSIVE MODE")
    return connection


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
        more(load, 10)
        disk.fill()
        wait_until(lambda: refusals(load) >= 6, 60, "6 refusals")
        site.injected = refusals(load)
        disk.free()
        more(load, 10)


def _quota_full(site: SiteUnderTest) -> None:
    """Where no disk may be mounted: SQLite is told that it may not grow."""
    quota = site.folder / "quota"
    site.start(quota=str(quota))
    with site.load() as load:
        more(load, 10)
        quota.write_text("1")  # SQLite takes the present size instead
        wait_until(lambda: refusals(load) >= 6, 60, "6 refusals")
        site.injected = refusals(load)
        quota.unlink()
        more(load, 10)


@scenario("PostgreSQL stopped immediately, three times", on=(POSTGRES,), short=True)
def stopped(site: SiteUnderTest) -> None:
    server = site.server
    assert isinstance(server, Postgres)
    site.start()
    with site.load() as load:
        for _ in range(3):
            more(load, 12)
            before = refusals(load)
            server.stop_immediately()
            try:
                wait_until(lambda: refusals(load) > before, 30, "a refusal")  # noqa: B023
            finally:
                server.start()
            site.injected += 1
        more(load, 12)


@scenario("connection cut between commit and answer", on=(POSTGRES,), short=True)
def cut(site: SiteUnderTest) -> None:
    server = site.server
    assert isinstance(server, Postgres)
    proxy = CuttingProxy(server.socket, every=9, most=8)
    site.at_end.callback(proxy.close)
    through = f"127.0.0.1:{proxy.port}/{database_name(site.url)}?sslmode=disable"
    site.env = {"DATABASE_URL": f"postgresql+psycopg://postgres@{through}"}
    site.start()
    with site.load():
        wait_until(lambda: proxy.cuts >= 8, 60, "8 cuts")
    site.injected = proxy.cuts


@scenario("clock one hour forward, then back", note="PostgreSQL: the app's clock, not the server's")
def clock(site: SiteUnderTest) -> None:
    shift = site.folder / "shift"
    site.start(shift=str(shift))
    with site.load() as load:
        for seconds in (3600, -3600, 0):
            more(load, 12)
            shift.write_text(str(seconds))
            more(load, 12)
            site.injected += seconds != 0
    if site.server.name == SQLITE:
        with site.database.read_session() as session:
            first, last = session.execute(
                sa.select(sa.func.min(Inquiry.created_at), sa.func.max(Inquiry.created_at))
            ).one()
        assert (last - first).total_seconds() > 1.9 * 3600, "the clock did not jump"


@scenario(
    "flask db upgrade under load",
    note="refused while there are no tables, then taken; again with nothing to do",
)
def upgrade(site: SiteUnderTest) -> None:
    site.url = site.server.create_empty(site.folder)
    site.start()
    with site.load() as load:
        wait_until(lambda: refusals(load) >= 6, 60, "6 refusals")
        site.flask("db", "upgrade")
        site.injected = 1
        more(load, 12)
        site.flask("db", "upgrade")
        more(load, 12)


@scenario(
    "an old backup put back",
    note="on hold nothing goes out; what had arrived is cancelled, then the outbox is released",
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
    arrived = {mail.message_id for mail in site.mails()}
    site.stop()
    site.flask("restore", str(backup), "--replace", "--yes")
    site.start()
    with site.load(count=10):
        pass
    time.sleep(5)
    assert len(_waiting(site)) == 20, "10 of the backup and 10 new ones wait"
    assert {mail.message_id for mail in site.mails()} == arrived, "on hold nothing is mailed"
    _cancel(site, arrived)
    site.flask("outbox", "resume", "--yes")
    site.injected = 1
    site.rows_may_be_gone = True


def _waiting(site: SiteUnderTest) -> list[str]:
    """The inquiries that wait to be mailed (the digest is none)."""
    waiting = sa.select(OutboxMessage.reference).join(
        Inquiry, Inquiry.reference == OutboxMessage.reference
    )
    with site.database.read_session() as session:
        return list(session.scalars(waiting.where(OutboxMessage.due_at.is_not(None))))


def _cancel(site: SiteUnderTest, arrived: set[str]) -> None:
    with site.database.session() as session:
        again = sa.select(OutboxMessage).where(OutboxMessage.due_at.is_not(None))
        for row in session.scalars(again).all():
            if row.message_id in arrived:
                admin.cancel(session, row.id, site.database.now(session))
