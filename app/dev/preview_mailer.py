"""Runs the mailer of a preview and restarts it when a file of the clinic folder changes."""

import os
import subprocess
import sys
import time
from pathlib import Path

from app.dev.live_reload import fingerprint

COMMAND = (sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run", "--name", "preview")
CONFIGURATION_ERROR = 78  # an error in the clinic files: wait until it is fixed
POLL_INTERVAL = 1.0  # seconds


def main() -> None:
    folder = Path(os.environ["CLINIC_DIR"]).expanduser()
    while True:
        started_from = fingerprint(folder)
        # The web process shows errors in the clinic files.
        mailer = subprocess.Popen(COMMAND)  # noqa: S603
        while fingerprint(folder) == started_from:
            if mailer.poll() not in (None, CONFIGURATION_ERROR):
                sys.exit(mailer.returncode)
            time.sleep(POLL_INTERVAL)
        mailer.terminate()
        mailer.wait()


if __name__ == "__main__":
    main()
