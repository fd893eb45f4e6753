"""``flask status``: how the site stands, on one screen."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext

from app.cli.outbox import local_time
from app.contact.queries import QuarantineStats
from app.monitoring.health_rules import Severity, format_duration, worst
from app.monitoring.status_report import StatusReport, age, build_status_report
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from app.outbox.stats import OutboxStats
from app.services import current_services

COLORS = {Severity.WARN: "yellow", Severity.PAGE: "red"}


@click.command(epilog="Example: flask --app wsgi status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def status(as_json: bool) -> None:  # noqa: FBT001
    """Show how the site stands, on one screen: version, the last inquiry, mail,
    backup, what comes next. Looks and changes nothing; `doctor` looks deeper.

    Exit status 1 when something is wrong that should wake somebody, 0 otherwise.
    """
    found = build_status_report(
        current_services().database,
        current_services().clinic,
        current_services().settings.instance_dir,
    )
    if as_json:
        click.echo(json.dumps(as_data(found), indent=2))
    else:
        _show(found)
    if worst(found.problems) is Severity.PAGE:
        raise click.exceptions.Exit(1)


def _show(found: StatusReport) -> None:
    click.echo(f"{current_services().clinic.name}, {current_services().settings.site_url}\n")
    for name, words in _lines(found):
        click.echo(f"{name:15}{words}".rstrip())
    for one in found.problems:
        level = click.style(one.severity.label, fg=COLORS[one.severity])
        click.echo(f"\n{level}: {one.title}. What to do: {one.advice}.")


def _lines(found: StatusReport) -> Iterator[tuple[str, str]]:
    now = found.now
    yield "Version", found.version
    yield "Last inquiry", _last(found)
    yield "Held", _held(found.quarantine)
    yield "Outbox", _outbox(found.outbox)
    yield "Mail server", _relay(found.outbox)
    for number, one in enumerate(found.mailers):
        silent = "" if age(one.heartbeat_at, now) <= HEARTBEAT_TIMEOUT else "SILENT, "
        beat, up = _ago(one.heartbeat_at, now), _ago(one.started_at, now)
        name = "" if number else "Mailers"
        yield name, f"{silent}{one.owner}: last sign of life {beat} ago, up for {up}"
    if not found.mailers:
        yield "Mailers", "none"
    yield "Backup", f"{_ago(found.backup, now)} ago" if found.backup else "none is known of here"
    yield "Next erasing", _when(found.next_retention, now)
    yield "Next digest", _when(found.next_digest, now) if found.next_digest else "none is set up"
    free = found.free_bytes
    yield "Disk", "no instance folder" if free is None else f"{free / 1e9:.1f} GB free"


def _last(found: StatusReport) -> str:
    last = found.last_inquiry
    if last is None:
        return "none yet"
    return f"{last.reference}, {local_time(last.at)} ({_ago(last.at, found.now)} ago), {last.state}"


def _held(held: QuarantineStats) -> str:
    if held.oldest is None:
        return "nothing waits for a look"
    return f"{held.count} waiting for a look, the oldest for {format_duration(held.oldest)}"


def _outbox(seen: OutboxStats) -> str:
    waits = (
        f", the oldest for {format_duration(seen.oldest_pending)}" if seen.oldest_pending else ""
    )
    held = f"; ON HOLD since {local_time(seen.paused_since)}" if seen.paused_since else ""
    return f"{seen.pending} waiting{waits}; {seen.dead} undelivered{held}"


def _relay(seen: OutboxStats) -> str:
    if seen.transport_unavailable_since is None:
        return "no fault seen"
    since = local_time(seen.transport_unavailable_since)
    return f"takes no mail since {since} ({seen.transport_fault})"


def _ago(moment: datetime, now: datetime) -> str:
    return format_duration(age(moment, now))


def _when(moment: datetime, now: datetime) -> str:
    return "due now" if moment <= now else local_time(moment)


def as_data(found: StatusReport) -> dict[str, object]:
    """The same for JSON; moments in ISO 8601, UTC, None for what there is none of."""
    seen, last = found.outbox, found.last_inquiry
    return {
        "at": _iso(found.now),
        "version": found.version,
        "last_inquiry": last
        and {"reference": last.reference, "at": _iso(last.at), "state": last.state},
        "quarantined": found.quarantine.count,
        "oldest_quarantined_seconds": _seconds(found.quarantine.oldest),
        "pending": seen.pending,
        "oldest_pending_seconds": _seconds(seen.oldest_pending),
        "dead": seen.dead,
        "paused_since": _iso(seen.paused_since),
        "transport_unavailable_since": _iso(seen.transport_unavailable_since),
        "transport_fault": seen.transport_fault,
        "mailers": [
            {
                "owner": one.owner,
                "started_at": _iso(one.started_at),
                "heartbeat_at": _iso(one.heartbeat_at),
            }
            for one in found.mailers
        ],
        "last_backup": _iso(found.backup),
        "next_retention": _iso(found.next_retention),
        "next_digest": _iso(found.next_digest),
        "disk_free_bytes": found.free_bytes,
        "problems": [
            {"event": one.event, "severity": one.severity.label, "title": one.title}
            for one in found.problems
        ],
    }


def _seconds(age: timedelta | None) -> int | None:
    return None if age is None else int(age.total_seconds())


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
