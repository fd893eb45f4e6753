"""Checks of the disk and of alert channels."""

import os
import shutil
from pathlib import Path

from app.clinic import Clinic
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.maintenance.retention import REPLACED_BACKUPS
from config import Settings

LOW_SPACE, TOO_LITTLE_SPACE = 1_000_000_000, 200_000_000  # bytes


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


def check_replaced_backups(folder: Path) -> list[CheckResult]:
    """Warn of copies of visitor data that `flask restore` has made in ``folder``."""
    files = len(list(folder.glob(REPLACED_BACKUPS)))
    advice = "Delete them when you do not need them any more; retention does so after two weeks"
    message = f"copies of replaced databases in {folder}: {files}"
    return [warning("copies", message, advice)] if files else []


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
