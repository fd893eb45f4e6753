"""The site's own folder and words: clinic, disk, backup, who is told of trouble."""

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.clinic import Clinic
from app.database import Database
from app.database.engines import NotDurableError
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.maintenance.backup import last_backup_at
from app.monitoring.health_rules import format_duration
from config import Settings

LITTLE, TOO_LITTLE = 1_000_000_000, 200_000_000  # bytes
MAX_BACKUP_AGE = timedelta(days=8)


def check_clinic_settings(clinic: Clinic) -> list[CheckResult]:
    findings = [ok("clinic", clinic.name)]
    if clinic.demo:
        findings = [warning("clinic", "this is the demo clinic", "See docs/customize.md")]
    if clinic.review is None:
        findings.append(
            warning(
                "review",
                "no clinician has signed the pages off",
                "Let one read them, then fill in [review] of clinic.toml",
            )
        )
    if not clinic.fallback_mailbox:
        findings.append(
            warning(
                "fallback",
                "no mailbox gets what another one refuses",
                "Set fallback_mailbox in clinic.toml",
            )
        )
    if clinic.digest is None:
        says = "idle: no digest would tell of what is held"
        findings.append(warning("screening", says, "Set [digest] in clinic.toml"))
    return findings


def check_disk(folder: Path) -> CheckResult:
    """Room and the right to write in ``folder``, where the database is by default."""
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return failed("disk", f"{folder} is no folder to write in", "Make it, or set INSTANCE_DIR")
    free = shutil.disk_usage(folder).free
    says, advice = f"{free / 1e9:.1f} GB free in {folder}", "Make room"
    if free < TOO_LITTLE:
        return failed("disk", says, advice)
    return warning("disk", says, advice) if free < LITTLE else ok("disk", says)


def check_alert_channels(settings: Settings, clinic: Clinic) -> CheckResult:
    """Who hears of trouble. Mail alone will not do: it may be what is broken."""
    channels = {
        "webhook": settings.alert_webhook_url.get_secret_value(),
        "ping": settings.heartbeat_url.get_secret_value(),
        "daily digest": clinic.digest,
    }
    there = [name for name, given in channels.items() if given]
    if not (channels["webhook"] or channels["ping"]):
        return warning(
            "alerts",
            "nobody hears of it when mail stops",
            "Set ALERT_WEBHOOK_URL, HEARTBEAT_URL or, better, both",
        )
    if not channels["ping"]:
        advice = "Set HEARTBEAT_URL"
        return warning("alerts", f"{', '.join(there)}; nothing notices a dead machine", advice)
    return ok("alerts", ", ".join(there))


def check_backup_age(database: Database, now: datetime) -> CheckResult:
    """The age of the newest backup, which `flask backup` writes down in the database."""
    advice = "Let `flask --app wsgi backup PATH` run each day"
    try:
        with database.read_session() as session:
            at = last_backup_at(session)
    except (SQLAlchemyError, NotDurableError):
        at = None  # what ails the database is told beside this
    if at is None:
        return warning("backup", "none is known of", advice)
    age = now - at
    says = f"the newest is {format_duration(max(age, timedelta(0)))} old"
    return warning("backup", says, advice) if age > MAX_BACKUP_AGE else ok("backup", says)
