"""Runs the mailer of a preview and restarts it when a file of the clinic folder changes."""

import os
import subprocess
import sys
import time
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path

from flask.cli import ScriptInfo

from app.dev.live_reload import fingerprint

ARGUMENTS = ("mailer", "run", "--name", "preview")  # of ``flask``
COMMAND = (sys.executable, "-m", "app.dev.preview_mailer", *ARGUMENTS)
CONFIGURATION_ERROR = 78  # an error in the clinic files or the settings: wait until it is fixed
POLL_INTERVAL = 1.0  # seconds


def main() -> None:
    folder = Path(os.environ["CLINIC_DIR"]).expanduser()
    while True:
        started_from = fingerprint(folder)
        mailer = subprocess.Popen(COMMAND)  # noqa: S603
        while fingerprint(folder) == started_from:
            if mailer.poll() not in (None, CONFIGURATION_ERROR):
                sys.exit(mailer.returncode)
            time.sleep(POLL_INTERVAL)
        mailer.terminate()
        mailer.wait()


def run_mailer() -> None:
    """Run the mailer. Silent about configuration errors, because the web process shows them."""
    with redirect_stderr(StringIO()):
        app = import_module("wsgi").app  # exits if there is such an error
    app.cli.main(ARGUMENTS, obj=ScriptInfo(create_app=lambda: app))


if __name__ == "__main__":
    run_mailer() if sys.argv[1:] else main()
