"""The commands that work while the site cannot start, because nothing is set yet."""

import sys

import click
from flask import Flask
from flask.cli import FlaskGroup

from app.cli import LazyCommands
from config import ROOT

NEED_NO_SITE = ("clinic", "version")
EX_CONFIG = 78  # of sysexits.h


class FallbackCommands(LazyCommands):
    """Ends any command that needs a site with ``report``: why it cannot start. Help needs none."""

    def __init__(self, report: str) -> None:
        super().__init__()
        self._report = report

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(NEED_NO_SITE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in NEED_NO_SITE or sys.argv[-1] == "--help":
            return super().get_command(ctx, cmd_name)
        click.echo(self._report, err=True)
        raise SystemExit(EX_CONFIG)


def is_flask_command() -> bool:
    """Whether ``flask`` loads the site just now to find out which commands there are."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


def create_fallback_app(error: Exception) -> Flask:
    """An application that has commands and nothing else."""
    app = Flask("frontdesk", root_path=str(ROOT), static_folder=None)
    app.cli = FallbackCommands(str(error))
    return app
