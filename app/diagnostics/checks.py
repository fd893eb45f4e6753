"""All parts in order, each looked at even when the one before is broken."""

from app import clock
from app.diagnostics.database import check_database
from app.diagnostics.dns import check_sender_domain
from app.diagnostics.environment import (
    check_alert_channels,
    check_backup_age,
    check_clinic_settings,
    check_disk,
)
from app.diagnostics.mail_transport import check_mail_server, send_test
from app.diagnostics.outbox import check_outbox
from app.diagnostics.result import CheckResult, ok
from app.services import current_services


def run_checks(test_address: str | None = None) -> list[CheckResult]:
    """Look at the running application; sends a test mail when there is somebody to get it."""
    settings, clinic, database = (
        current_services().settings,
        current_services().clinic,
        current_services().database,
    )
    sender = settings.mail_default_sender or clinic.email
    findings = [
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
    return [*findings, send_test(test_address, clinic, clock.now())] if test_address else findings
