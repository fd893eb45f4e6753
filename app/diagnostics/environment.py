"""Checks of the clinic's settings, the disk, alert channels and backups."""

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.clinic import Clinic
from app.clock import age
from app.database import Database
from app.database.engines import NotDurableError
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.maintenance.backup import last_backup_at
from app.monitoring.health_rules import format_duration
from config import Settings

LOW_SPACE, TOO_LITTLE_SPACE = 1_000_000_000, 200_000_000  # bytes
MAX_BACKUP_AGE = timedelta(days=8)


def check_clinic_settings(clinic: Clinic) -> list[CheckResult]:
    results = [ok("clinic", clinic.name)]
    if clinic.demo:
        results = [warning("clinic", "this is the demo clinic", "See docs/customize.md")]
    if clinic.review is None:
        message = "no clinician has approved the pages"
        advice = "Have one read them, then fill in [review] of clinic.toml"
        results.append(warning("review", message, advice))
    if not clinic.fallback_mailbox:
        message = "no fallback mailbox for messages that another mailbox refuses"
        results.append(warning("fallback", message, "Set fallback_mailbox in clinic.toml"))
    if clinic.digest is None:
        message = "off: without a digest, nobody would see the quarantine"
        results.append(warning("spam filter", message, "Set [digest] in clinic.toml"))
    return results


def check_disk(folder: Path) -> CheckResult:
    """Check that ``folder``, the default place of the database, is writable and has space."""
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        message = f"{folder} is not a writable folder"
        return failed("disk", message, "Create it, or set INSTANCE_DIR")
    free = shutil.disk_usage(folder).free
    message, advice = f"{free / 1e9:.1f} GB free in {folder}", "Free some space"
    if free < TOO_LITTLE_SPACE:
        return failed("disk", message, advice)
    return warning("disk", message, advice) if free < LOW_SPACE else ok("disk", message)


def check_alert_channels(settings: Settings, clinic: Clinic) -> CheckResult:
    """Check that problems are reported by more than email, which may be the problem."""
    channels = {
        "webhook": settings.alert_webhook_url.get_secret_value(),
        "ping": settings.heartbeat_url.get_secret_value(),
        "daily digest": clinic.digest,
    }
    configured = ", ".join(name for name, value in channels.items() if value)
    if not (channels["webhook"] or channels["ping"]):
        advice = "Set ALERT_WEBHOOK_URL, HEARTBEAT_URL or, better, both"
        return warning("alerts", "no alert channel is configured", advice)
    if not channels["ping"]:
        message = f"{configured}; nothing reports that the machine is down"
        return warning("alerts", message, "Set HEARTBEAT_URL")
    return ok("alerts", configured)


def check_backup_age(database: Database, now: datetime) -> CheckResult:
    """Check the age of the last `flask backup`, as recorded in the database."""
    advice = "Run `flask backup PATH` every day"
    try:
        with database.read_session() as session:
            created_at = last_backup_at(session)
    except (SQLAlchemyError, NotDurableError):
        created_at = None  # the database has a check of its own
    if created_at is None:
        return warning("backup", "none recorded", advice)
    newest = age(created_at, now)
    message = f"the newest is {format_duration(newest)} old"
    return warning("backup", message, advice) if newest > MAX_BACKUP_AGE else ok("backup", message)
