"""The WSGI entry point, for ``gunicorn`` and the ``flask`` command."""

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import click
from flask import Flask

from app import create_app, startup_checks
from app.cli import EX_CONFIG, LazyCommands
from app.clinic import ClinicError
from app.services import EXTENSION_KEY, get_services
from app.web.logging import install_exception_hooks
from config import SettingsError

if TYPE_CHECKING:
    from app.dev.live_reload import LiveReload

os.umask(0o077)  # the database and other files of the site are for its user only

try:
    app = create_app()
    install_exception_hooks()
    # Not for `flask` commands: `db upgrade`, `doctor` and `restore` are there to fix it.
    if click.get_current_context(silent=True) is None:
        startup_checks.check(get_services(app).database)
except (SettingsError, ClinicError, startup_checks.StartupError) as error:
    if click.get_current_context(silent=True) is None:
        # A readable report instead of a traceback.
        print(error, file=sys.stderr)
        raise SystemExit(EX_CONFIG) from None
    # For `flask clinic`, `doctor` and `--help`. Other commands end with the error.
    app = Flask(__name__)
    app.cli = LazyCommands(app.name)
    app.extensions[EXTENSION_KEY] = error


def live_reload() -> "LiveReload":
    """Return the site for ``make run CLINIC_DIR=…``, which is loaded again after each change."""
    from app.dev.live_reload import LiveReload  # noqa: PLC0415  (development only)

    return LiveReload(app, partial(create_app, get_services(app).settings))
