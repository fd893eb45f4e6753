"""``flask notices``: closures and other news on every page."""

from contextlib import suppress
from datetime import datetime, time, timedelta

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from app.cli.output import confirm, json_option, print_rows, yes_option
from app.notices import service
from app.notices.models import Notice
from app.notices.text import notice_line
from app.services import current_services

MOMENT, DATE = "%Y-%m-%d %H:%M", "%Y-%m-%d"

notices = AppGroup("notices", help="Show closures and other news on every page.")


@notices.command(epilog='Example: flask notices add --closing-at 14:00 "Snow is on the way."')
@click.argument("text", default="")
@click.option("--closed", is_flag=True, help="The clinic is closed while the notice is shown.")
@click.option("--closing-at", help="When it closes, until the end of the notice.")
@click.option("--location", help="The key of the only location that is concerned.")
@click.option("--start", help="When it is first shown. By default now.")
@click.option("--end", help="When it ends. By default at midnight.")
def add(  # noqa: PLR0913, PLR0917  (each is an option)
    text: str,
    closed: bool,  # noqa: FBT001
    closing_at: str | None,
    location: str | None,
    start: str | None,
    end: str | None,
) -> None:
    """Show TEXT, a closure, or both on every page until the end.

    Opening hours, search engines and confirmations to visitors know of a closure, and
    reminders count only the time the clinic is open. Moments are in the clinic's time zone:
    "2027-01-31 14:00", "14:00" for today, or "2027-01-31" for all of that day.
    """
    services = current_services()
    with services.database.session() as session:
        now = services.database.now(session)
        starts_at = _moment(start, now) or now
        notice = Notice(
            text=text.strip(),
            location=location,
            starts_at=starts_at,
            ends_at=_moment(end, now, is_end=True) or _midnight_after(starts_at),
            closed_from=_moment(closing_at, now) or (starts_at if closed else None),
        )
        service.add_notice(session, services.clinic, notice, now)
        line = notice_line(notice, services.clinic, max(now, notice.starts_at))
    click.echo(f"Notice {notice.id}, on every page within a minute of its start: {line}")


@notices.command(name="list", epilog="Example: flask notices list")
@click.option("--all", "include_ended", is_flag=True, help="Also those that have ended.")
@json_option
def list_notices(include_ended: bool, as_json: bool) -> None:  # noqa: FBT001
    """List the notices that have not ended."""
    services = current_services()
    with services.database.read_session() as session:
        now = services.database.now(session)
        found = (
            session.scalars(sa.select(Notice).order_by(Notice.id)).all()
            if include_ended
            else service.current_notices(session, now)
        )
    rows = [
        (
            notice.id,
            notice.starts_at,
            notice.ends_at,
            notice_line(notice, services.clinic, max(now, notice.starts_at)),
        )
        for notice in found
    ]
    print_rows(("notice", "start", "end", "text"), rows, as_json=as_json)


@notices.command(epilog="Example: flask notices remove 3")
@click.argument("notice", type=int)
@yes_option
def remove(notice: int, yes: bool) -> None:  # noqa: FBT001
    """End a notice now. It is gone from every page within a minute."""
    confirm(f"End notice {notice}?", yes=yes)
    database = current_services().database
    with database.session() as session:
        service.end_notice(session, notice, database.now(session))
    click.echo("ended")


def _moment(typed: str | None, now: datetime, *, is_end: bool = False) -> datetime | None:
    """What was typed, as a moment in the clinic's time zone. A date is its first moment or, if
    ``is_end``, its last. Raises UsageError.
    """
    if typed is None:
        return None
    zone = current_services().clinic.zone
    today = now.astimezone(zone).date()
    for text, pattern in ((f"{today} {typed}", MOMENT), (typed, MOMENT), (typed, DATE)):
        with suppress(ValueError):
            moment = datetime.strptime(text, pattern).replace(tzinfo=zone)
            return _midnight_after(moment) if is_end and pattern == DATE else moment
    raise click.UsageError(f'{typed!r}: write "2027-01-31 14:00", "14:00" or "2027-01-31"')


def _midnight_after(moment: datetime) -> datetime:
    zone = current_services().clinic.zone
    return datetime.combine(moment.astimezone(zone).date() + timedelta(days=1), time(), zone)
