"""The ``flask`` commands. Each is imported when it is called: web processes need none of them."""

from functools import cache
from importlib import import_module
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from app.clinic import ClinicError
from app.contact.quarantine import QuarantineError
from app.contact.requeue import RequeueError
from app.database import error_line
from app.database.revisions import UnknownRevisionError
from app.encryption import UnknownKeyError
from app.maintenance import MaintenanceError
from app.notices.service import NoticeError
from app.startup_checks import StartupError
from config import SettingsError

EX_CONFIG = 78  # from sysexits.h
# Errors whose message is written for the operator.
OPERATOR_ERRORS = (
    MaintenanceError, NoticeError, QuarantineError, RequeueError, StartupError,
    UnknownKeyError, UnknownRevisionError,
)  # fmt: skip
COMMAND_PATHS = {
    "backup": "app.cli.backup:backup",
    "cache": "app.cli.cache:cache",
    "clinic": "app.cli.clinic:clinic",
    "db": "app.cli.db:db",
    "doctor": "app.cli.doctor:doctor",
    "inquiries": "app.cli.inquiries:inquiries",
    "keys": "app.cli.keys:keys",
    "mail": "app.cli.mail:mail",
    "mailer": "app.cli.mailer:mailer",
    "notices": "app.cli.notices:notices",
    "outbox": "app.cli.outbox:outbox",
    "restore": "app.cli.backup:restore",
    "retention": "app.cli.retention:retention",
    "staff": "app.cli.staff:staff",
    "status": "app.cli.status:status",
    "version": "app.cli.version:show_version",
}


class LazyCommands(AppGroup):
    """The commands in ``COMMAND_PATHS`` and any that are added to the group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMAND_PATHS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMAND_PATHS:
            return _load(cmd_name)
        return super().get_command(ctx, cmd_name)


@cache
def _load(name: str) -> click.Command:
    """Import a command. It reports wrong settings, and a failing database, key or file in one
    line.
    """
    module, _, variable = COMMAND_PATHS[name].partition(":")
    command = getattr(import_module(module), variable)
    assert isinstance(command, click.Command)
    invoke = command.invoke

    def invoke_and_report_errors(context: click.Context) -> Any:
        try:
            return invoke(context)
        except (SettingsError, ClinicError) as error:  # the site cannot start
            click.echo(error, err=True)
            raise SystemExit(EX_CONFIG) from None
        except SQLAlchemyError as error:
            message = f"database error: {error_line(error)} (see `flask doctor`)"
        except OSError as error:
            if not error.filename:
                raise  # such as a closed pipe, which click handles
            message = f"{error.filename}: {error.strerror}"
        except OPERATOR_ERRORS as error:
            message = str(error)
        raise click.ClickException(message)

    command.invoke = invoke_and_report_errors  # type: ignore[assignment, method-assign]
    return command
