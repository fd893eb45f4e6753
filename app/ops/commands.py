"""The ``flask`` commands, each loaded when it is called: serving processes need none of them."""

from importlib import import_module

import click
from flask.cli import AppGroup

# A group is named in the last module that adds to it.
WHERE = {
    "backup": "app.ops.backup_cli:backup",
    "clinic": "app.ops.clinic:clinic",
    "db": "app.ops.database_cli:db",
    "doctor": "app.ops.doctor:doctor",
    "inquiries": "app.ops.inquiries_export_cli:inquiries",
    "keys": "app.ops.keys_cli:keys",
    "mailer": "app.ops.mailer_cli:mailer",
    "outbox": "app.ops.outbox_hold_cli:outbox",
    "restore": "app.ops.backup_cli:restore",
    "retention": "app.ops.retention_cli:retention",
    "site": "app.ops.site_cli:site",
    "status": "app.ops.status_cli:status",
    "version": "app.ops.version:tell_version",
}


class Commands(AppGroup):
    """The commands of ``WHERE``, beside those that were added to it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *WHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in WHERE:
            module, _, name = WHERE[cmd_name].partition(":")
            command = getattr(import_module(module), name)
            assert isinstance(command, click.Command)
            return command
        return super().get_command(ctx, cmd_name)
