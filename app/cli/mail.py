"""``flask mail``: try the way email is sent."""

import click
from flask.cli import AppGroup

from app import clock
from app.cli.doctor import print_results, valid_address
from app.cli.output import json_option
from app.diagnostics.mail_transport import check_and_send
from app.services import current_services

mail = AppGroup("mail", help="Test email delivery.")


@mail.command(epilog="Example: flask mail test me@clinic.example")
@click.argument("address", callback=valid_address)
@json_option
def test(address: str, as_json: bool) -> None:  # noqa: FBT001
    """Send a test email to ADDRESS by the configured way, and report each step.

    Bypasses the outbox. Exit status 1 if a step failed; `doctor` checks everything else.
    """
    services = current_services()
    results = check_and_send(services.settings, services.clinic, address, clock.now())
    print_results(results, as_json=as_json)
