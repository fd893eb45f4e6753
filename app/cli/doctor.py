"""``flask doctor``: check every part that delivery of inquiries depends on.

It changes nothing, and sends nothing without ``--send-test``.
"""

from collections import Counter
from collections.abc import Sequence

import click
from flask.cli import with_appcontext

from app.cli.output import json_option, print_json
from app.contact.email_addresses import parse_address
from app.diagnostics.doctor import run_checks
from app.diagnostics.result import CheckResult, Level

COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.TODO: "cyan", Level.FAILED: "red"}


def valid_address(
    _context: click.Context, _option: click.Parameter, address: str | None
) -> str | None:
    if not address:
        return None
    if (parsed := parse_address(address)) is None:
        raise click.BadParameter(f"{address!r} is not an email address")
    return parsed.normalized


@click.command(epilog="Example: flask doctor --send-test me@clinic.example")
@json_option
@click.option(
    "--send-test",
    metavar="ADDRESS",
    callback=valid_address,
    help="Send a test email to ADDRESS, a test alert, a notification and a ping.",
)
@with_appcontext
def doctor(as_json: bool, send_test: str | None) -> None:  # noqa: FBT001
    """Check every part of the site and say what to do. Exit status 1 if a check failed.

    It also works when wrong settings keep the site from starting.
    """
    print_results(run_checks(send_test), as_json=as_json)


def print_results(results: Sequence[CheckResult], *, as_json: bool) -> None:
    """Print ``results`` and end the command with status 1 if a check failed."""
    counts = Counter(result.level for result in results)
    if as_json:
        print_json([result.to_json() for result in results])
    else:
        for result in results:
            level = click.style(f"{result.level:7}", fg=COLORS[result.level])
            text = f"{result.text.rstrip('.')}. {result.advice}" if result.advice else result.text
            click.echo(f"{level}  {result.check:11}  {text}")
        to_do = f"to do: {counts[Level.TODO]}, " if counts[Level.TODO] else ""
        click.echo(f"\nFailed: {counts[Level.FAILED]}, {to_do}warnings: {counts[Level.WARNING]}")
    if counts[Level.FAILED]:
        raise click.exceptions.Exit(1)
