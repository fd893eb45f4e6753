"""All checks of `flask doctor`. Each one runs even if an earlier one failed."""

from app import clock
from app.clinic import ClinicError
from app.diagnostics.clinic_config import check_config
from app.diagnostics.database import check_database
from app.diagnostics.dns import check_sender_domain
from app.diagnostics.environment import (
    check_alert_channels,
    check_disk,
    check_replaced_backups,
    check_website,
)
from app.diagnostics.mail_transport import check_mail, send_test_email
from app.diagnostics.result import CheckResult, clinic_failures, failed, ok, warning
from app.services import Services, current_services
from config import SettingsError


def run_checks(test_address: str | None = None) -> list[CheckResult]:
    """Check the site. With ``test_address``, also send a test email there and test alerts.

    If the settings or the clinic's files keep the site from starting, only these are checked.
    """
    try:
        services = current_services()
    except SettingsError as error:
        problems = str(error).splitlines()[1:]
        results = [failed("settings", line.strip(), "See .env.example") for line in problems]
    except ClinicError as error:
        results = [ok("settings", "complete"), *clinic_failures("clinic", error)]
    else:
        return _check_running_site(services, test_address)
    skipped = warning("other checks", "skipped", "Fix this first, then run `flask doctor` again")
    return [*results, skipped]


def _check_running_site(services: Services, test_address: str | None) -> list[CheckResult]:
    settings, clinic = services.settings, services.clinic
    sender = settings.mail_default_sender or clinic.email
    results = [
        ok("settings", f"complete, for {settings.app_env}"),
        *check_config(clinic, settings.clinic_dir),
        *check_database(services.database),
        *check_mail(settings, clinic),
        *check_sender_domain(sender.rpartition("@")[2].rstrip(">")),
        check_disk(services.database.folder or settings.instance_dir),
        *check_replaced_backups(settings.instance_dir),
        *check_website(settings),
        *check_alert_channels(services, send_test=bool(test_address)),
    ]
    if test_address:
        results.append(send_test_email(settings, clinic, test_address, clock.now()))
    return results
