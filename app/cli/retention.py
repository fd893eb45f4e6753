"""``flask retention``: letting go of words whose time has come."""

import json
from collections.abc import Sequence
from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli.output import show_table
from app.contact.models import InquiryState
from app.maintenance.retention import (
    ExpiredInquiry,
    RetentionPeriods,
    count_kept,
    find_expired,
    run,
)
from app.services import current_services


@click.group()
def retention() -> None:
    """Let go of visitors' words when their time has come."""


@retention.command(name="run", epilog="Example: flask --app wsgi retention run --dry-run")
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def run_now(dry_run: bool, as_json: bool) -> None:  # noqa: FBT001
    """Erase the words of inquiries that were delivered RETENTION_DAYS ago, or held
    back QUARANTINE_RETENTION_DAYS ago. The mailer does so once a night by itself.

    An inquiry with a mail that is not delivered is never erased, however old it is.
    """
    database, limits = current_services().database, current_limits()
    with database.read_session() as session:
        now = database.now(session)
        found, stay = find_expired(session, limits, now), count_kept(session, limits, now)
    erased = 0 if dry_run else run(database, limits)
    if as_json:
        click.echo(json.dumps(_report(limits, found, stay, erased), indent=2))
    elif dry_run:
        _show(found)
    else:
        click.echo(f"The words of {_inquiries(erased)} are erased.")
    if stay and not as_json:
        click.echo(f"{_inquiries(stay)} of that age: kept, a mail is not delivered (outbox list).")


def current_limits() -> RetentionPeriods:
    """What the settings say of keeping."""
    settings = current_services().settings
    return RetentionPeriods(settings.retention_days, settings.quarantine_retention_days)


def _report(
    limits: RetentionPeriods, found: Sequence[ExpiredInquiry], stay: int, erased: int
) -> dict[str, object]:
    return {
        "retention_days": limits.days,
        "quarantine_retention_days": limits.quarantine_days,
        "due": [
            {"reference": one.reference, "state": one.state, "since": one.since.isoformat()}
            for one in found
        ],
        "kept_undelivered": stay,
        "erased": erased,
    }


def _show(found: Sequence[ExpiredInquiry]) -> None:
    click.echo(f"Would erase the words of {_inquiries(len(found))}.")
    if found:
        rows = [(one.reference, _why(one), _day(one.since)) for one in found]
        show_table(("reference", "why", "since"), rows)


def _why(one: ExpiredInquiry) -> str:
    return "held as spam" if one.state == InquiryState.QUARANTINED else "delivered"


def _day(moment: datetime) -> str:
    return moment.astimezone(current_services().clinic.zone).strftime("%Y-%m-%d")


def _inquiries(count: int) -> str:
    return "1 inquiry" if count == 1 else f"{count} inquiries"
