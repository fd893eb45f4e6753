"""The WSGI entry point, for ``gunicorn`` and the ``flask`` command."""

import sys

import click

from app import create_app, startup_checks
from app.cli import fallback
from app.clinic import ClinicError
from app.services import services_of
from app.web.logging import install_exception_hooks
from config import SettingsError

try:
    app = create_app()
    install_exception_hooks()
    # Not for `flask` commands: `db upgrade`, `doctor` and `restore` are there to fix it.
    if click.get_current_context(silent=True) is None:
        startup_checks.check(services_of(app).database)
except (SettingsError, ClinicError, startup_checks.StartError) as error:
    if fallback.looking_for_a_command():
        app = fallback.without_site(str(error))
    else:
        # A readable report instead of a traceback. 78 is EX_CONFIG in sysexits.h.
        print(error, file=sys.stderr)
        raise SystemExit(78) from None
