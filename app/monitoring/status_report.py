"""The state of the site, for ``flask status``. No personal data."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from app.clinic import Clinic
from app.contact.models import Inquiry
from app.database import Database
from app.maintenance import retention
from app.maintenance.backup import BACKUP_JOB
from app.monitoring.digest import NAME as DIGEST
from app.monitoring.health_rules import SiteHealth, site_health
from app.monitoring.readiness import find_problem
from app.outbox.models import MailerHeartbeat
from app.scheduler import ScheduledJob, next_run
from app.version import version


@dataclass(frozen=True)
class StatusReport:
    """The state at ``now``, by the database's clock. None means unknown or not configured.

    ``mailers`` have sent a heartbeat within a day and were not stopped.
    """

    now: datetime
    version: str
    last_inquiry: Inquiry | None
    health: SiteHealth
    mailers: tuple[MailerHeartbeat, ...]
    backup: datetime | None
    next_retention: datetime
    next_digest: datetime | None
    free_bytes: int | None
    storage_problem: str | None


def build_status_report(database: Database, clinic: Clinic, instance: Path) -> StatusReport:
    """Raises SQLAlchemyError when the database does not answer."""
    with database.read_session() as session:
        now = database.now(session)
        started = {job.name: job.started_at for job in session.scalars(sa.select(ScheduledJob))}
        newest_first = sa.select(Inquiry).order_by(Inquiry.created_at.desc())
        last_inquiry = session.scalar(newest_first.limit(1))
        running = sa.select(MailerHeartbeat).where(MailerHeartbeat.stopped_at.is_(None))
        mailers = session.scalars(running.order_by(MailerHeartbeat.heartbeat_at.desc())).all()
        health = site_health(session, now)
    digest = clinic.digest
    folder = database.folder or instance
    return StatusReport(
        now=now,
        version=version(),
        last_inquiry=last_inquiry,
        health=health,
        mailers=tuple(mailers),
        backup=started.get(BACKUP_JOB),
        next_retention=next_run(
            retention.RUN_AT, clinic.zone, started.get(retention.JOB_NAME), now
        ),
        # The first digest is not sent at once: it would have no full day to report.
        next_digest=(
            next_run(digest.at, clinic.zone, started.get(DIGEST, now), now) if digest else None
        ),
        free_bytes=shutil.disk_usage(folder).free if folder.is_dir() else None,
        storage_problem=find_problem(database),
    )
