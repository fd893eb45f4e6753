"""The WSGI entry point: ``gunicorn wsgi:app``, ``flask --app wsgi …``."""

import sys

from app import create_app
from app.clinic import ClinicError
from config import Settings, SettingsError

try:
    app = create_app(Settings.from_env())
except (SettingsError, ClinicError) as error:
    # One readable report instead of a traceback; 78 is EX_CONFIG of sysexits.h.
    print(error, file=sys.stderr)
    raise SystemExit(78) from None
