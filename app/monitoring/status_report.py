"""How the site stands: what `flask status` shows. No word of a visitor."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.contact.models import Inquiry
from app.contact.queries import QuarantineStats, quarantine_stats
from app.database import Database
from app.maintenance import retention
from app.maintenance.backup import BACKUP
from app.monitoring.digest import NAME as DIGEST
from app.monitoring.health_rules import Problem, find_problems
from app.outbox.models import MailerHeartbeat
from app.outbox.stats import OutboxStats, outbox_stats
from app.scheduler import ScheduledJob, next_run
from app.version import version


@dataclass(frozen=True)
class LastInquiry:
    """The newest inquiry."""

    reference: str
    at: datetime
    state: str


@dataclass(frozen=True)
class RunningMailer:
    """A mailer that has sent a heartbeat within a day and did not stop in order."""

    owner: str
    started_at: datetime
    heartbeat_at: datetime


@dataclass(frozen=True)
class StatusReport:
    """At ``now``, on the database's clock. What is None is not known, or not set up."""

    now: datetime
    version: str
    last_inquiry: LastInquiry | None
    quarantine: QuarantineStats
    outbox: OutboxStats
    mailers: tuple[RunningMailer, ...]
    backup: datetime | None
    next_retention: datetime
    next_digest: datetime | None
    free_bytes: int | None
    problems: tuple[Problem, ...]


def build_status_report(database: Database, clinic: Clinic, instance: Path) -> StatusReport:
    """Raises SQLAlchemyError when the database does not answer."""
    with database.read_session() as session:
        now = database.now(session)
        turns = dict[str, datetime](
            (row.name, row.started_at) for row in session.scalars(sa.select(ScheduledJob))
        )
        last, seen, mailers = _last(session), outbox_stats(session, now), _mailers(session)
        held = quarantine_stats(session, now)
    digest = clinic.digest
    return StatusReport(
        now=now,
        version=version(),
        last_inquiry=last,
        quarantine=held,
        outbox=seen,
        mailers=mailers,
        backup=turns.get(BACKUP),
        next_retention=next_run(retention.AT, clinic.zone, turns.get(retention.NAME), now),
        # Before the first there is no day to tell of: nothing is made up then.
        next_digest=(
            next_run(digest.at, clinic.zone, turns.get(DIGEST, now), now) if digest else None
        ),
        free_bytes=shutil.disk_usage(instance).free if instance.is_dir() else None,
        problems=tuple(find_problems(seen, held)),
    )


def age(moment: datetime, now: datetime) -> timedelta:
    """How long ago; never negative, for clocks differ."""
    return max(now - moment, timedelta(0))


def _last(session: Session) -> LastInquiry | None:
    query = sa.select(Inquiry.reference, Inquiry.created_at, Inquiry.state)
    row = session.execute(query.order_by(Inquiry.created_at.desc()).limit(1)).one_or_none()
    return LastInquiry(*row) if row else None


def _mailers(session: Session) -> tuple[RunningMailer, ...]:
    running = MailerHeartbeat.stopped_at.is_(None)
    query = sa.select(MailerHeartbeat).where(running).order_by(MailerHeartbeat.heartbeat_at.desc())
    return tuple(
        RunningMailer(one.owner, one.started_at, one.heartbeat_at) for one in session.scalars(query)
    )
