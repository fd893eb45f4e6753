"""The WSGI entry point, for ``gunicorn`` and the ``flask`` command."""

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from app import create_app, startup_checks
from app.cli import fallback
from app.clinic import ClinicError
from app.services import services_of
from app.web.logging import install_exception_hooks
from config import SettingsError

if TYPE_CHECKING:
    from app.dev.live_reload import LiveReload

try:
    app = create_app()
    install_exception_hooks()
    # Not for `flask` commands: `db upgrade`, `doctor` and `restore` are there to fix it.
    if click.get_current_context(silent=True) is None:
        startup_checks.check(services_of(app).database)
except (SettingsError, ClinicError, startup_checks.StartupError) as error:
    if fallback.is_flask_command():
        app = fallback.create_fallback_app(error)
    else:
        # A readable report instead of a traceback. 78 is EX_CONFIG in sysexits.h.
        print(error, file=sys.stderr)
        raise SystemExit(78) from None


def live_reload() -> "LiveReload":
    """The site for ``make run CLINIC_DIR=…``: loaded again when a file of the clinic changes."""
    from app.dev.live_reload import LiveReload  # noqa: PLC0415  (development only)

    return LiveReload(app, partial(create_app, services_of(app).settings))
