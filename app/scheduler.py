"""Runs the heartbeat and the scheduled jobs of a mailer: alerts, the digest, retention.

The jobs have a thread of their own, so that a mail server that takes ten minutes over one
message does not delay them. With several mailers each job still runs once: the mailer that
updates the job's row in the database runs it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, Database, UTCDateTime
from app.outbox.heartbeat import Heartbeat

log = logging.getLogger("frontdesk.scheduler")

POLL_INTERVAL = 5.0  # seconds

IsDue = Callable[[datetime | None, datetime], bool]
AfterCommit = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A job that runs when ``is_due(last run or None, now)`` is true.

    ``run(session, now)`` is called in the transaction that claims the job, so what it writes
    is committed exactly once. It may return a function to call after the commit, for network
    calls and long work. ``run_immediately=False`` skips the first run of a new site.
    ``on_result`` is called after each check, due or not, with whether there was no error.
    """

    name: str
    is_due: IsDue
    run: Callable[[Session, datetime], AfterCommit | None]
    run_immediately: bool = True
    on_result: Callable[[bool], object] = lambda _succeeded: None


def every(interval: timedelta) -> IsDue:
    """Due ``interval`` after the last run. A last run in the future means that the clock was
    set back: then the job is due at once.
    """
    return lambda last, now: last is None or not timedelta(0) <= now - last < interval


def daily(at: clock_time, zone: ZoneInfo) -> IsDue:
    """Due once a day, from ``at`` in ``zone``. After a missed day it is due at once."""
    return lambda last, now: next_run(at, zone, last, now) <= now


def next_run(at: clock_time, zone: ZoneInfo, last: datetime | None, now: datetime) -> datetime:
    """When a daily job that last ran at ``last`` is due; at once if that is not after ``now``."""
    day = now.astimezone(zone).date()
    today = datetime.combine(day, at, zone)
    tomorrow = datetime.combine(day + timedelta(days=1), at, zone)
    done = last is not None and today <= last < tomorrow  # later: the clock was set back
    return tomorrow if done else today


class ScheduledJob(Base):
    """When a job last started, on any mailer, and when the next run becomes overdue."""

    __tablename__ = "scheduled_job"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    overdue_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def last_run(session: Session, name: str) -> datetime | None:
    """When the job ``name`` last started, on any mailer."""
    return session.scalar(sa.select(ScheduledJob.started_at).where(ScheduledJob.name == name))


def run_if_due(database: Database, job: Job) -> bool:
    """Run ``job`` if it is due and no other mailer has claimed it. Returns whether it ran."""
    with database.read_session() as session:
        last = last_run(session, job.name)
        now = database.now(session)  # read second: a run by another mailer is not in the future
    skip_run = last is None and not job.run_immediately
    if not skip_run and not job.is_due(last, now):
        return False
    with database.session() as session:
        if not _claim(session, job.name, last, now) or skip_run:
            return False
        after_commit = job.run(session, now)
    if after_commit:
        after_commit()
    return True


def _claim(session: Session, name: str, last: datetime | None, now: datetime) -> bool:
    """Set the start time of a job, unless another mailer has done so since ``last``."""
    if last is None:
        try:
            with session.begin_nested():
                session.add(ScheduledJob(name=name, started_at=now))
        except IntegrityError:
            return False
        return True
    claim = (
        sa.update(ScheduledJob)
        .where(ScheduledJob.name == name, ScheduledJob.started_at == last)
        .values(started_at=now)
        .returning(ScheduledJob.name)
    )
    return session.scalar(claim) is not None


class Scheduler(threading.Thread):
    """Runs the heartbeat and the due jobs of one mailer until ``stop``."""

    def __init__(self, database: Database, heartbeat: Heartbeat, jobs: Sequence[Job]) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._database = database
        self._heartbeat = heartbeat
        self._jobs = jobs
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            self.run_due_jobs()
            self._stopping.wait(POLL_INTERVAL)

    def run_due_jobs(self) -> None:
        """Run what is due now. A job that fails stops neither the others nor the mailer."""
        _log_errors("heartbeat", self._heartbeat.record)
        for job in self._jobs:
            succeeded = _log_errors(job.name, partial(run_if_due, self._database, job))
            _log_errors(job.name, partial(job.on_result, succeeded))

    def stop(self) -> None:
        """Wait up to five seconds for the job in progress, then record the orderly stop."""
        self._stopping.set()
        self.join(5)
        _log_errors("heartbeat", self._heartbeat.record_stop)


def _log_errors(name: str, run: Callable[[], object]) -> bool:
    try:
        run()
    except Exception as error:  # noqa: BLE001
        # Only the type: the error's text may contain what a visitor wrote.
        log.error("job failed: %s (%s)", name, type(error).__name__)
        return False
    return True
