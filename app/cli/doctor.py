"""``flask doctor``: looks at every part that mail and inquiries depend on.

Each part is a line: ok, a warning or a fault, and what to do. It changes nothing, and
sends nothing unless it is told to by ``--send-test``.
"""

import json
from collections.abc import Sequence

import click
from email_validator import EmailNotValidError, validate_email
from flask.cli import with_appcontext

from app.diagnostics.checks import run_checks
from app.diagnostics.result import CheckResult, Level

COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


def valid_address(
    _context: click.Context, _option: click.Parameter, address: str | None
) -> str | None:
    """``address`` when a mail can be sent there. Raises BadParameter."""
    try:
        return address and validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--send-test", metavar="ADDRESS", callback=valid_address, help="Send one real mail there."
)
@with_appcontext
def doctor(as_json: bool, send_test: str | None) -> None:  # noqa: FBT001
    """Look at every part of the site and say what to do. Exit status 1 on a fault.

    \b
    Example: flask --app wsgi doctor --send-test me@clinic.example

    When the settings are so wrong that the site does not start, use
    `python -m app.cli.doctor` instead: it takes the same options.
    """  # noqa: D301  (click's own mark for a line that is not to be wrapped)
    print_results(run_checks(send_test), as_json=as_json)


def print_results(findings: Sequence[CheckResult], *, as_json: bool) -> None:
    """Print ``findings``; ends the program with status 1 when there is a fault."""
    if as_json:
        click.echo(json.dumps([one.to_json() for one in findings], indent=2))
    else:
        for one in findings:
            _show(one)
        click.echo(_summary(findings))
    if any(one.level is Level.FAILED for one in findings):
        raise click.exceptions.Exit(1)


def _show(one: CheckResult) -> None:
    level = click.style(f"{one.level:7}", fg=COLORS[one.level])
    advice = f". {one.advice}" if one.advice else ""
    click.echo(f"{level}  {one.check:11}  {one.text}{advice}")


def _summary(findings: Sequence[CheckResult]) -> str:
    count = {level: sum(one.level is level for one in findings) for level in Level}
    if not count[Level.FAILED] + count[Level.WARNING]:
        return "\nAll is well."
    return f"\nFailed: {count[Level.FAILED]}, warnings: {count[Level.WARNING]}"
