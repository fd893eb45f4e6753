"""``flask retention``: delete inquiry content past its retention period."""

import click
from flask.cli import AppGroup

from app.cli.output import count_of, json_option, print_json, print_table
from app.contact.models import InquiryState
from app.maintenance.retention import RetentionPeriods, count_undelivered, find_expired
from app.maintenance.retention import run as delete_expired
from app.services import current_services

retention = AppGroup("retention", help="Delete inquiry content past its retention period.")


@retention.command(epilog="Example: flask retention run --dry-run")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@json_option
def run(dry_run: bool, as_json: bool) -> None:  # noqa: FBT001
    """Delete the content of inquiries RETENTION_DAYS after their delivery, and of
    quarantined ones after QUARANTINE_RETENTION_DAYS. The mailer does this every night.

    Inquiries with an undelivered email are kept, however old they are.
    """
    services = current_services()
    database, settings = services.database, services.settings
    periods = RetentionPeriods(settings.retention_days, settings.quarantine_retention_days)
    with database.read_session() as session:
        now = database.now(session)
        expired = find_expired(session, periods, now)
        undelivered = count_undelivered(session, periods, now)
    erased = 0 if dry_run else delete_expired(database, periods)
    if as_json:
        print_json(
            {
                "retention_days": periods.days,
                "quarantine_retention_days": periods.quarantine_days,
                "expired": [
                    {
                        "reference": inquiry.reference,
                        "state": inquiry.state,
                        "since": inquiry.since.isoformat(),
                    }
                    for inquiry in expired
                ],
                "kept_undelivered": undelivered,
                "erased": erased,
            }
        )
        return
    if dry_run:
        click.echo(f"Would delete the content of {count_of(len(expired), 'inquiry')}.")
        rows = [
            (
                inquiry.reference,
                "quarantined" if inquiry.state == InquiryState.QUARANTINED else "delivered",
                inquiry.since.astimezone(services.clinic.zone).strftime("%Y-%m-%d"),
            )
            for inquiry in expired
        ]
        if rows:
            print_table(("reference", "why", "since"), rows)
    else:
        click.echo(f"Deleted the content of {count_of(erased, 'inquiry')}.")
    if undelivered:
        click.echo(
            f"Kept {count_of(undelivered, 'inquiry')} of that age with an undelivered email"
            " (see `outbox list`)."
        )
