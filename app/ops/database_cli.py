"""``flask db``: Flask-Alembic's commands, which a database newer than the code never meets."""

import click
from flask.cli import with_appcontext
from flask_alembic.cli import cli as commands

from app.db import current_database
from app.ops.migrations import current_alembic
from app.ops.schema import NewerDatabaseError, refuse_newer

EXAMPLES = {
    "downgrade": "downgrade 004",
    "merge": "merge 008 009",
    "revision": "revision 'What it adds'",
    "show": "show 004",
    "stamp": "stamp 004",
}
for name, command in commands.commands.items():
    command.epilog = f"Example: flask --app wsgi db {EXAMPLES.get(name, name)}"


@click.group("db", commands=commands.commands, epilog="Example: flask --app wsgi db upgrade")
@with_appcontext
@click.pass_context
def db(context: click.Context) -> None:
    """Bring the database to the form that this version needs."""
    context.obj = current_alembic()
    try:
        refuse_newer(current_database().engine)
    except NewerDatabaseError as error:
        raise click.ClickException(str(error)) from None
