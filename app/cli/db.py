"""``flask db``: the commands of Flask-Alembic. They refuse a database newer than the code."""

import click
from flask.cli import ScriptInfo, with_appcontext
from flask_alembic.cli import cli as commands

from app import scheduler  # noqa: F401  (adds a table to the metadata)
from app.contact import notes, search_index  # noqa: F401  (add tables)
from app.database import key_check_values  # noqa: F401  (adds a table)
from app.database.migrations import get_alembic
from app.database.revisions import get_revision, require_known_revision
from app.maintenance import audit_log  # noqa: F401  (adds a table)
from app.monitoring import alerts  # noqa: F401  (adds a table, with observations)
from app.services import current_services
from app.staff import models  # noqa: F401  (adds tables)

commands.commands["check"].help = "Check whether the migrations match the models (for developers)."
commands.commands[
    "upgrade"
].help = "Apply database migrations, up to the newest revision by default."


@click.group("db", commands=commands.commands, epilog="Example: flask db upgrade")
@with_appcontext
@click.pass_context
def db(context: click.Context) -> None:
    """Manage database migrations."""
    context.obj = get_alembic(context.ensure_object(ScriptInfo).load_app())
    with current_services().database.read_session() as session:
        require_known_revision(get_revision(session.connection()))
