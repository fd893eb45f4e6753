"""Checks of the disk, the website and the alert channels."""

import os
import shutil
from pathlib import Path

from app import clock
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.maintenance.retention import REPLACED_BACKUPS
from app.monitoring.health_rules import CERTIFICATE_WARNING
from app.monitoring.observations import PING, WEBHOOK, WEBSITE, call_and_record
from app.monitoring.webhook import call
from app.services import Services
from config import Settings

LOW_SPACE, TOO_LITTLE_SPACE = 1_000_000_000, 200_000_000  # bytes


def check_disk(folder: Path) -> CheckResult:
    """Check that ``folder``, such as that of the database, is writable and has space."""
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


def check_website(settings: Settings) -> CheckResult:
    """Ask the website for its readiness, by the address and the certificate that visitors see."""
    check, result = WEBSITE, call(WEBSITE, settings.readiness_url)
    if result.problem:
        tls = result.problem.startswith("SSL")
        advice = "Renew or correct the certificate" if tls else "Check web service, proxy and DNS"
        return failed(check, f"{settings.readiness_url}: {result.problem}", advice)
    end = result.certificate_ends_at
    message = f"{settings.site_url} is ready" + (
        f", certificate until {end:%Y-%m-%d}" if end else ""
    )
    if end and end - clock.now() < CERTIFICATE_WARNING:
        return warning(check, message, "Check why the certificate is not renewed")
    return ok(check, message)


def check_alert_channels(services: Services, *, send_test: bool) -> list[CheckResult]:
    """Check the channels that report problems without email. With ``send_test``, call them."""
    settings, clinic = services.settings, services.clinic
    text = f"[ok] {clinic.name}: This is a test. ({settings.site_url})"
    test = {"text": text, "event": "test", "status": "resolved", "severity": "ok"}
    results = []
    for name, variable, secret, body in (
        (WEBHOOK, "ALERT_WEBHOOK_URL", settings.alert_webhook_url, test),
        (PING, "HEARTBEAT_URL", settings.heartbeat_url, None),
    ):
        if not (url := secret.get_secret_value()):
            result = warning(name, f"{variable} is not set", "Set it")
        elif not send_test:
            result = ok(name, f"{variable} is set; --send-test tries it")
        elif call_and_record(services.database, name, url, body):
            result = ok(name, "accepted the test")
        else:
            result = failed(name, "did not accept the test", f"Correct {variable}")
        results.append(result)
    return results
