"""``flask retention``: delete inquiry content past its retention period."""

import click
from flask.cli import AppGroup

from app.cli.output import confirm, local_time, pluralize, print_table, yes_option
from app.maintenance.retention import (
    JOB_NAME,
    RetentionPeriods,
    count_undelivered,
    delete_expired,
    delete_replaced_backups,
    find_expired,
    unconfirmed_since,
)
from app.scheduler import ScheduledJob
from app.services import current_services

retention = AppGroup("retention", help="Delete inquiry content past its retention period.")


@retention.command(epilog="Example: flask retention run --dry-run")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@yes_option
def run(dry_run: bool, yes: bool) -> None:  # noqa: FBT001
    """Delete the content of inquiries RETENTION_DAYS after their delivery, and of
    quarantined ones after QUARANTINE_RETENTION_DAYS. The mailer does this every night.

    Inquiries with an undelivered email are kept, however old they are. If the last run is
    more than three days from now, the clock may be wrong: this asks for the date first.
    """
    database, settings = current_services().database, current_services().settings
    periods = RetentionPeriods(
        settings.retention_days, settings.quarantine_retention_days, settings.audit_retention_days
    )
    with database.read_session() as session:
        now = database.now(session)
        expired = find_expired(session, periods, now)
        undelivered = count_undelivered(session, periods, now)
        unconfirmed = unconfirmed_since(session, now)
    if dry_run:
        click.echo(f"Would delete the content of {pluralize(len(expired), 'inquiry')}.")
        rows = [(inquiry.reference, inquiry.state, inquiry.since) for inquiry in expired]
        print_table(("reference", "state", "since"), rows)
    else:
        if unconfirmed:
            click.echo(f"The last run was at {local_time(unconfirmed)}.")
            inquiries = pluralize(len(expired), "inquiry")
            confirm(f"Is it {local_time(now)} now? Then {inquiries} will be erased.", yes=yes)
        with database.session() as session:
            session.merge(ScheduledJob(name=JOB_NAME, started_at=now))
        announcer = current_services().inquiries.announcer
        erased = delete_expired(database, periods, now, announcer)
        delete_replaced_backups(settings.instance_dir, now)
        click.echo(f"Deleted the content of {pluralize(erased, 'inquiry')}.")
    if undelivered:
        click.echo(
            f"Kept {pluralize(undelivered, 'inquiry')} of that age with an undelivered email"
            " (see `outbox list`)."
        )
