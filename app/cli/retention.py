"""``flask retention``: delete inquiry content past its retention period."""

import click
from flask.cli import AppGroup

from app.cli.output import pluralize, print_table
from app.maintenance.retention import (
    RetentionPeriods,
    count_undelivered,
    delete_expired,
    find_expired,
)
from app.services import current_services

retention = AppGroup("retention", help="Delete inquiry content past its retention period.")


@retention.command(epilog="Example: flask retention run --dry-run")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
def run(dry_run: bool) -> None:  # noqa: FBT001
    """Delete the content of inquiries RETENTION_DAYS after their delivery, and of
    quarantined ones after QUARANTINE_RETENTION_DAYS. The mailer does this every night.

    Inquiries with an undelivered email are kept, however old they are.
    """
    database, settings = current_services().database, current_services().settings
    periods = RetentionPeriods(settings.retention_days, settings.quarantine_retention_days)
    with database.read_session() as session:
        now = database.now(session)
        expired = find_expired(session, periods, now)
        undelivered = count_undelivered(session, periods, now)
    if dry_run:
        click.echo(f"Would delete the content of {pluralize(len(expired), 'inquiry')}.")
        rows = [(inquiry.reference, inquiry.state, inquiry.since) for inquiry in expired]
        print_table(("reference", "state", "since"), rows)
    else:
        erased = delete_expired(database, periods)
        click.echo(f"Deleted the content of {pluralize(erased, 'inquiry')}.")
    if undelivered:
        click.echo(
            f"Kept {pluralize(undelivered, 'inquiry')} of that age with an undelivered email"
            " (see `outbox list`)."
        )
