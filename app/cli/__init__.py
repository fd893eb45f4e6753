"""The ``flask`` commands, each loaded when it is called: serving processes need none of them."""

from functools import cache
from importlib import import_module
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.database.engines import NotDurableError
from app.encryption import UnknownKeyError

# A group is named in the last module that adds to it.
COMMAND_PATHS = {
    "backup": "app.cli.backup:backup",
    "cache": "app.cli.cache:cache",
    "clinic": "app.cli.clinic:clinic",
    "db": "app.cli.db:db",
    "doctor": "app.cli.doctor:doctor",
    "inquiries": "app.cli.inquiries_export:inquiries",
    "keys": "app.cli.keys:keys",
    "mailer": "app.cli.mailer:mailer",
    "outbox": "app.cli.outbox_pause:outbox",
    "restore": "app.cli.backup:restore",
    "retention": "app.cli.retention:retention",
    "status": "app.cli.status:status",
    "version": "app.cli.version:show_version",
}


class LazyCommands(AppGroup):
    """The commands of ``COMMAND_PATHS``, beside those that were added to it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMAND_PATHS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMAND_PATHS:
            return _command(cmd_name)
        return super().get_command(ctx, cmd_name)


@cache
def _command(name: str) -> click.Command:
    """The command, which ends in one line when the database, a key or a file fails it."""
    module, _, variable = COMMAND_PATHS[name].partition(":")
    command = getattr(import_module(module), variable)
    assert isinstance(command, click.Command)
    invoke = command.invoke

    def invoke_to_one_line(context: click.Context) -> Any:
        try:
            return invoke(context)
        except (SQLAlchemyError, NotDurableError, UnknownKeyError, OSError) as error:
            if isinstance(error, OSError) and not error.filename:
                raise  # a reader that is gone, and the like: click knows what to do
            raise click.ClickException(_in_words(error)) from None

    command.invoke = invoke_to_one_line  # type: ignore[assignment, method-assign]
    return command


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, SQLAlchemyError):
        # Only the first line: the next may quote a row.
        said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        return f"the database: {said.splitlines()[0][:200]} (`flask doctor` says more)"
    return str(error)
