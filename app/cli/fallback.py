"""The commands that work while the site cannot start.

``wsgi.py`` creates the application. If the settings or the clinic's files are wrong and the
caller is a `flask` command, it creates the fallback application of this module instead:
`clinic` and `version` work as usual, `doctor` shows what is wrong, `--help` works for every
command, and all other commands end with the error.
"""

import sys

import click
from flask import Flask
from flask.cli import FlaskGroup

from app.cli import LazyCommands
from config import ROOT

AVAILABLE = ("clinic", "doctor", "version")
EX_CONFIG = 78  # from sysexits.h


class FallbackCommands(LazyCommands):
    """The commands of an application that cannot start because of ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(AVAILABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "doctor" and sys.argv[-1] != "--help":
            from app.cli.doctor import startup_doctor  # noqa: PLC0415  (web processes do not need it)

            return startup_doctor(self._error)
        if cmd_name in AVAILABLE or sys.argv[-1] == "--help":
            return super().get_command(ctx, cmd_name)
        click.echo(self._error, err=True)
        raise SystemExit(EX_CONFIG)


def is_flask_command() -> bool:
    """Whether the application is being loaded by the ``flask`` command."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


def create_fallback_app(error: Exception) -> Flask:
    """Create an application that only has the fallback commands."""
    app = Flask("frontdesk", root_path=str(ROOT), static_folder=None)
    app.cli = FallbackCommands(error)
    return app
