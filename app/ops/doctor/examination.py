"""All parts in order, each looked at even when the one before is broken."""

from app import clock
from app.clinic import current_clinic
from app.db import current_database
from app.ops.doctor.domain import examine_domain
from app.ops.doctor.finding import Finding, ok
from app.ops.doctor.place import (
    examine_backup,
    examine_channels,
    examine_clinic,
    examine_disk,
)
from app.ops.doctor.relay import examine_relay, send_test
from app.ops.doctor.store import examine_store
from app.ops.doctor.traffic import examine_traffic
from app.ops.duties import current_settings


def examine(test_address: str | None = None) -> list[Finding]:
    """Look at the running application; sends a test mail when there is somebody to get it."""
    settings, clinic, database = current_settings(), current_clinic(), current_database()
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
