"""Scheduled jobs run when they are due, and once. On SQLite and on PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from app.database import Database
from app.outbox.heartbeat import Heartbeat
from app.outbox.models import MailerHeartbeat
from app.scheduler import Job, Scheduler, daily, every, run_if_due
from app.services import get_services

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def database(make_app: Callable[..., Flask], database_url: str) -> Database:
    return get_services(make_app(DATABASE_URL=database_url)).database


def _job(name: str, done: list[str], interval: timedelta) -> Job:
    def run(_session: Session, _now: datetime) -> Callable[[], None]:
        return lambda: done.append(name)

    return Job(name, every(interval), run)


def test_a_job_runs_again_only_after_its_interval(database: Database) -> None:
    done: list[str] = []
    often, seldom = (
        _job(name, done, timedelta(seconds=seconds)) for name, seconds in (("a", 0), ("b", 600))
    )
    for _ in range(3):
        run_if_due(database, often)
        run_if_due(database, seldom)
    assert sorted(done) == ["a", "a", "a", "b"]


def test_many_mailers_run_a_job_once(database: Database) -> None:
    done: list[str] = []
    job = _job("digest", done, timedelta(minutes=10))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_if_due(database, job), range(24)))
    assert done == ["digest"]


def test_a_failing_job_is_retried_and_does_not_stop_the_others(database: Database) -> None:
    done: list[str] = []

    def fail(_session: Session, _now: datetime) -> None:
        done.append("tried")
        raise RuntimeError("broken")

    broken = Job("broken", every(timedelta(hours=1)), fail)
    scheduler = Scheduler(
        database,
        Heartbeat(database, "one"),
        [broken, _job("other", done, timedelta(0))],
    )
    scheduler.run_due_jobs()
    scheduler.run_due_jobs()
    assert done == ["tried", "other", "tried", "other"]


def test_a_mailer_is_listed_while_it_runs_and_not_after_an_orderly_stop(
    database: Database,
) -> None:
    running = sa.select(MailerHeartbeat.owner).where(MailerHeartbeat.stopped_at.is_(None))
    scheduler = Scheduler(database, Heartbeat(database, "one"), [])
    scheduler.run_due_jobs()
    with database.read_session() as session:
        assert session.scalars(running).all() == ["one"]
    scheduler.start()
    scheduler.stop()
    with database.read_session() as session:
        assert session.scalars(running).all() == []


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-07-01T11:29:00", False),
        (None, "2026-07-01T11:30:00", True),
        ("2026-07-01T11:30:01", "2026-07-01T20:00:00", False),
        ("2026-07-01T11:30:01", "2026-07-02T11:29:00", False),
        ("2026-07-01T11:30:01", "2026-07-02T11:30:00", True),
        ("2026-06-28T11:30:01", "2026-07-02T03:59:00", True),
        # The clock was set back: within the same day, and by a month.
        ("2026-07-01T20:00:00", "2026-07-01T11:40:00", False),
        ("2026-08-01T11:30:01", "2026-07-02T11:30:00", True),
    ],
)
def test_a_daily_job_follows_the_clinics_time_zone(
    last: str | None, now: str, *, due: bool
) -> None:
    is_due = daily(time(7, 30), NEW_YORK)
    before = datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None
    assert is_due(before, datetime.fromisoformat(now).replace(tzinfo=UTC)) is due
