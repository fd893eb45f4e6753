"""``flask notices``: closures and other news on every page."""

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from app.cli.output import confirm, json_option, print_rows, yes_option
from app.notices import service
from app.notices.models import Notice
from app.notices.text import notice_line
from app.notices.typed_times import end_of, parse_time
from app.services import current_services

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

    A closure also appears in opening hours, search results and confirmations, and pauses
    reminders. Times are in the clinic's time zone: "2027-01-31 14:00", "14:00" for the day of the
    start, or "2027-01-31" for all of that day.
    """
    services = current_services()
    with services.database.session() as session:
        now = services.database.now(session)
        zone = services.clinic.zone
        starts_at = parse_time(start, now.astimezone(zone).date(), zone) if start else now
        day = starts_at.astimezone(zone).date()
        closed_from = starts_at if closed else None
        notice = Notice(
            text=text.strip(),
            location=location,
            starts_at=starts_at,
            ends_at=parse_time(end, day, zone, is_end=True) if end else end_of(day, zone),
            closed_from=parse_time(closing_at, day, zone) if closing_at else closed_from,
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
        listed = (
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
        for notice in listed
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
