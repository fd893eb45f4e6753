"""``flask status``: the state of the site on one screen."""

from collections.abc import Iterator
from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli.output import json_option, local_time, print_json
from app.clock import age
from app.contact.queries import WaitingStats
from app.monitoring.health_rules import Severity, format_duration
from app.monitoring.status_report import StatusReport, build_status_report
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from app.outbox.stats import OutboxStats
from app.services import current_services

COLORS = {Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


@click.command(epilog="Example: flask status")
@json_option
@with_appcontext
def status(as_json: bool) -> None:  # noqa: FBT001
    """Show the state of the site on one screen. Changes nothing.

    Shows the version, the last inquiry, mail, backup and scheduled jobs; `doctor` checks
    more. Exit status 1 if a problem needs immediate attention.
    """
    services = current_services()
    report = build_status_report(services.database, services.clinic, services.settings.instance_dir)
    if as_json:
        print_json(_as_record(report))
    else:
        click.echo(f"{services.clinic.name}, {services.settings.site_url}\n")
        for label, text in _lines(report):
            click.echo(f"{label:15}{text}".rstrip())
        for problem in report.health.problems:
            level = click.style(problem.severity.label, fg=COLORS[problem.severity])
            click.echo(f"\n{level}: {problem.title}. What to do: {problem.advice}.")
    if report.health.severity is Severity.CRITICAL or report.storage_problem:
        raise click.exceptions.Exit(1)


def _lines(report: StatusReport) -> Iterator[tuple[str, str]]:
    now = report.now
    yield "Version", report.version
    last = report.last_inquiry
    yield (
        "Last inquiry",
        f"{last.reference}, {local_time(last.created_at)} ({_ago(last.created_at, now)} ago),"
        f" {last.state}"
        if last
        else "none",
    )
    problem = report.storage_problem
    yield "New inquiries", f"CANNOT BE STORED: {problem}" if problem else "can be stored"
    yield "Unanswered", _waiting(report.health.unanswered, "none", "")
    yield "Quarantine", _waiting(report.health.quarantine, "empty", " to review")
    yield "Outbox", _outbox(report.health.outbox)
    yield "Mail server", _mail_server(report.health.outbox)
    for number, mailer in enumerate(report.mailers):
        late = age(mailer.heartbeat_at, now) > HEARTBEAT_TIMEOUT
        heartbeat, up = _ago(mailer.heartbeat_at, now), _ago(mailer.started_at, now)
        label = "" if number else "Mailers"
        text = f"{mailer.owner}: last heartbeat {heartbeat} ago, up for {up}"
        yield label, f"NO HEARTBEAT, {text}" if late else text
    if not report.mailers:
        yield "Mailers", "none"
    yield "Last backup", f"{_ago(report.backup, now)} ago" if report.backup else "none"
    stopped = report.health.retention_stopped_since
    yield "Next retention", "stopped" if stopped else _when(report.next_retention, now)
    yield "Next digest", _when(report.next_digest, now) if report.next_digest else "not configured"
    free = report.free_bytes
    yield "Disk", "no instance folder" if free is None else f"{free / 1e9:.1f} GB free"


def _waiting(stats: WaitingStats, none: str, task: str) -> str:
    if stats.oldest is None:
        return none
    return f"{stats.count}{task}, the oldest for {format_duration(stats.oldest)}"


def _outbox(stats: OutboxStats) -> str:
    oldest = (
        f", the oldest for {format_duration(stats.oldest_pending)}" if stats.oldest_pending else ""
    )
    paused = f"; PAUSED since {local_time(stats.paused_since)}" if stats.paused_since else ""
    return f"{stats.pending} pending{oldest}; {stats.dead} undelivered{paused}"


def _mail_server(stats: OutboxStats) -> str:
    if stats.transport_unavailable_since is None:
        return "no problem known"
    since = local_time(stats.transport_unavailable_since)
    return f"unavailable since {since} ({stats.transport_fault})"


def _ago(moment: datetime, now: datetime) -> str:
    # A backup or heartbeat from the future was made by a wrong clock: it is not recent.
    return format_duration(abs(now - moment))


def _when(moment: datetime, now: datetime) -> str:
    return "due now" if moment <= now else local_time(moment)


def _as_record(report: StatusReport) -> dict[str, object]:
    """Return the report for JSON; None is what is not known."""
    stats, quarantine = report.health.outbox, report.health.quarantine
    unanswered = report.health.unanswered
    last = report.last_inquiry
    return {
        "at": report.now,
        "version": report.version,
        "last_inquiry": last
        and {"reference": last.reference, "at": last.created_at, "state": last.state},
        "unanswered": unanswered.count,
        "oldest_unanswered_seconds": unanswered.oldest,
        "quarantined": quarantine.count,
        "oldest_quarantined_seconds": quarantine.oldest,
        "pending": stats.pending,
        "oldest_pending_seconds": stats.oldest_pending,
        "dead": stats.dead,
        "paused_since": stats.paused_since,
        "transport_unavailable_since": stats.transport_unavailable_since,
        "transport_fault": stats.transport_fault,
        "mailers": [
            {
                "owner": mailer.owner,
                "started_at": mailer.started_at,
                "heartbeat_at": mailer.heartbeat_at,
            }
            for mailer in report.mailers
        ],
        "last_backup": report.backup,
        "next_retention": report.next_retention,
        "next_digest": report.next_digest,
        "disk_free_bytes": report.free_bytes,
        "storage_problem": report.storage_problem,
        "problems": [problem.to_json() for problem in report.health.problems],
    }
