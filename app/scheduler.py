"""What the mailer does beside sending: signs of life, alerts, the digest, letting go.

Scheduler run in a thread of their own, so that a relay that takes ten minutes over
one mail does not silence them. With several mailers each job is still done
once: whoever moves its row in the database has the turn.
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

POLL_INTERVAL = 5.0  # seconds between two looks at what is due

IsDue = Callable[[datetime | None, datetime], bool]
AfterCommit = Callable[[], None]


@dataclass(frozen=True)
class Job:
    """Something to do when ``is_due(last time or None, now)`` says so.

    ``do(session, now)`` runs in the transaction that takes the turn: what it writes
    is there exactly once, or the turn was not taken. What it returns is called after
    the commit; that is the place for the network, and for long work.
    """

    name: str
    is_due: IsDue
    run: Callable[[Session, datetime], AfterCommit | None]
    run_immediately: bool = True  # or, for what tells of a day gone by, only from the next time on


def every(pause: timedelta) -> IsDue:
    """Due when it was last done at least ``pause`` ago, or in the future: then the clock
    was set back, and the job must not rest until it has caught up.
    """
    return lambda last, now: last is None or not timedelta(0) <= now - last < pause


def daily(at: clock_time, zone: ZoneInfo) -> IsDue:
    """Due once a day, from ``at`` on the clock of ``zone``; a day that was missed is made up."""
    return lambda last, now: next_run(at, zone, last, now) <= now


def next_run(at: clock_time, zone: ZoneInfo, last: datetime | None, now: datetime) -> datetime:
    """When a daily job that was last done at ``last`` is due; not after ``now``: at once."""
    day = now.astimezone(zone).date()
    today = datetime.combine(day, at, zone)
    done = last is not None and last >= today
    return datetime.combine(day + timedelta(days=1), at, zone) if done else today


class ScheduledJob(Base):
    """When a job was last begun, by whichever mailer."""

    __tablename__ = "scheduled_job"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)


def run_if_due(database: Database, job: Job) -> bool:
    """Do ``job`` if it is due and no other process is doing it; whether it was done."""
    with database.read_session() as session:
        now = database.now(session)
        last = session.scalar(
            sa.select(ScheduledJob.started_at).where(ScheduledJob.name == job.name)
        )
    if not job.is_due(last, now) and (last or job.run_immediately):
        return False
    try:
        with database.session() as session:
            _take_turn(session, job.name, last, now)
            if last is None and not job.run_immediately:
                return False
            after_commit = job.run(session, now)
    except _NotOurTurnError:
        return False
    if after_commit:
        after_commit()
    return True


def _take_turn(session: Session, name: str, last: datetime | None, now: datetime) -> None:
    if last is None:
        session.add(ScheduledJob(name=name, started_at=now))
        try:
            session.flush()
        except IntegrityError:  # another process was first with the very first turn
            raise _NotOurTurnError from None
        return
    moved = session.execute(
        sa.update(ScheduledJob)
        .where(ScheduledJob.name == name, ScheduledJob.started_at == last)
        .values(started_at=now)
        .returning(ScheduledJob.name)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if moved is None:
        raise _NotOurTurnError


class _NotOurTurnError(Exception):
    pass


class Scheduler(threading.Thread):
    """Sends the heartbeat and runs the scheduled jobs of one mailer until ``stop``."""

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
        """Do what is due now. One failing job stops neither the others nor the mail."""
        _safely("heartbeat", self._heartbeat.beat)
        for job in self._jobs:
            _safely(job.name, partial(run_if_due, self._database, job))

    def stop(self) -> None:
        """Return when the job in progress, if any, is done; at most five seconds later."""
        self._stopping.set()
        self.join(5)
        _safely("heartbeat", self._heartbeat.stop)


def _safely(name: str, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001
        # Only the type: the words of such an error may hold what a visitor wrote.
        log.error("job failed: %s (%s)", name, type(error).__name__)
