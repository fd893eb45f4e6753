"""All checks of `flask doctor`. Each one runs even if an earlier one failed."""

from pathlib import Path

from app import clock
from app.clinic import ClinicError, load_clinic
from app.diagnostics.database import check_database
from app.diagnostics.dns import check_sender_domain
from app.diagnostics.environment import (
    check_alert_channels,
    check_backup_age,
    check_clinic_settings,
    check_disk,
)
from app.diagnostics.mail_transport import check_mail_server, send_test_email
from app.diagnostics.outbox import check_outbox
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.services import current_services
from config import READER, ROOT


def run_checks(test_address: str | None = None) -> list[CheckResult]:
    """Check the running application, and send a test email to ``test_address`` if given."""
    services = current_services()
    settings, clinic, database = services.settings, services.clinic, services.database
    sender = settings.mail_default_sender or clinic.email
    results = [
        ok("settings", f"complete, for {settings.app_env}"),
        *check_clinic_settings(clinic),
        *check_database(database),
        *check_outbox(database),
        check_mail_server(settings),
        *check_sender_domain(sender.rpartition("@")[2].rstrip(">")),
        check_disk(settings.instance_dir),
        check_alert_channels(settings, clinic),
        check_backup_age(database, clock.now()),
    ]
    if test_address:
        results.append(send_test_email(test_address, clinic, clock.now()))
    return results


def explain_startup_error(error: Exception) -> list[CheckResult]:
    """Return what is wrong with the settings or the clinic's files.

    ``error`` is the SettingsError or ClinicError that keeps the application from starting.
    """
    skipped = warning("other checks", "skipped", "Fix this first, then run `flask doctor` again")
    if isinstance(error, ClinicError):
        return [ok("settings", "complete"), *_clinic_lines(error), skipped]
    values, _ = READER.read()
    folder = Path(values.get("CLINIC_DIR") or ROOT / "clinic")
    problems = str(error).splitlines()[1:]
    results = [failed("settings", line.strip(), "See .env.example") for line in problems]
    try:
        load_clinic(folder)
    except ClinicError as clinic_error:
        results += _clinic_lines(clinic_error)
    else:
        results.append(ok("clinic", f"{folder} can be read"))
    return [*results, skipped]


def _clinic_lines(error: ClinicError) -> list[CheckResult]:
    advice = "See docs/customize.md"
    return [failed("clinic", line.strip(), advice) for line in str(error).splitlines()]
