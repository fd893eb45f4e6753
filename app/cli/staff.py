"""``flask staff``: accounts of the staff console."""

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.output import confirm, json_option, print_rows, yes_option
from app.maintenance import audit_log
from app.services import current_services
from app.staff import accounts
from app.staff.accounts import AccountError, AccountExistsError, Role
from app.staff.models import StaffUser

staff = AppGroup("staff", help="Manage accounts of the staff console.")


@staff.command(epilog="Example: flask staff invite maria@clinic.example --role desk")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="A manager also manages accounts.",
)
def invite(email: str, role: str) -> None:
    """Create an account and print its invitation: a link that works once, for 24 hours.

    Send the link to that person only: it gives access to the account. Needs
    STAFF_CONSOLE=on.
    """
    if current_services().settings.staff_console == "off":
        raise click.ClickException("the staff console is off: set STAFF_CONSOLE=on, and restart")
    database = current_services().database
    with database.session() as session:
        now = database.now(session)
        try:
            account, token = accounts.invite(session, email, Role(role), now)
        except AccountExistsError as error:
            raise click.ClickException(
                f"{error} For a new invitation, run flask staff reset {email}."
            ) from None
        except AccountError as error:
            raise click.ClickException(str(error)) from None
        audit_log.record(session, now, f"invited {account.email}")
    _print_invitation(token)


@staff.command(name="list", epilog="Example: flask staff list")
@json_option
def list_accounts(as_json: bool) -> None:  # noqa: FBT001
    """List the accounts of the staff console."""
    with current_services().database.read_session() as session:
        rows = [
            (account.email, account.role, account.state, account.last_sign_in_at)
            for account in accounts.list_accounts(session)
        ]
    print_rows(("email", "role", "state", "last_sign_in"), rows, as_json=as_json)


@staff.command(epilog="Example: flask staff disable maria@clinic.example")
@click.argument("email")
@yes_option
def disable(email: str, yes: bool) -> None:  # noqa: FBT001
    """Disable an account. Its sessions end at once."""
    database = current_services().database
    with database.read_session() as session:
        _find(session, email)
    confirm(f"Disable {email}?", yes=yes)
    with database.session() as session:
        account = _find(session, email)
        accounts.disable(account)
        audit_log.record(session, database.now(session), f"disabled {account.email}")
    click.echo("disabled")


@staff.command(epilog="Example: flask staff reset maria@clinic.example")
@click.argument("email")
@yes_option
def reset(email: str, yes: bool) -> None:  # noqa: FBT001
    """Remove the passkeys, password and codes of an account, for example if its phone was lost.

    Its sessions end at once. Prints a new invitation. Enables a disabled account.
    """
    database = current_services().database
    with database.read_session() as session:
        _find(session, email)
    confirm(f"Remove all ways to sign in as {email}?", yes=yes)
    with database.session() as session:
        account, now = _find(session, email), database.now(session)
        token = accounts.reset(account, now)
        audit_log.record(session, now, f"reset {account.email}")
    _print_invitation(token)


def _find(session: Session, email: str) -> StaffUser:
    try:
        return accounts.find_account(session, email)
    except AccountError as error:
        raise click.ClickException(str(error)) from None


def _print_invitation(token: str) -> None:
    url = accounts.invitation_url(current_services().settings.staff_url, token)
    click.echo(f"Works once, for 24 hours: {url}")
