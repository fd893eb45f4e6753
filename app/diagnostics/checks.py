"""All parts in order, each looked at even when the one before is broken."""

from app import clock
from app.diagnostics.database import examine_store
from app.diagnostics.dns import examine_domain
from app.diagnostics.environment import (
    examine_backup,
    examine_channels,
    examine_clinic,
    examine_disk,
)
from app.diagnostics.mail_transport import examine_relay, send_test
from app.diagnostics.outbox import examine_traffic
from app.diagnostics.result import Finding, ok
from app.services import current_services


def examine(test_address: str | None = None) -> list[Finding]:
    """Look at the running application; sends a test mail when there is somebody to get it."""
    settings, clinic, database = (
        current_services().settings,
        current_services().clinic,
        current_services().database,
    )
    sender = settings.mail_default_sender or clinic.email
    findings = [
        ok("settings", f"complete, for {settings.app_env}"),
        *examine_clinic(clinic),
        *examine_store(database),
        *examine_traffic(database),
        examine_relay(settings),
        *examine_domain(sender.rpartition("@")[2].rstrip(">")),
        examine_disk(settings.instance_dir),
        examine_channels(settings, clinic),
        examine_backup(database, clock.now()),
    ]
    return [*findings, send_test(test_address, clinic, clock.now())] if test_address else findings
