"""The mailer of a preview: started again when a file of the clinic's folder changes."""

import os
import subprocess
import sys
import time
from pathlib import Path

from app.dev.live_reload import stamp

COMMAND = (sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run", "--name", "preview")
CONFIGURATION_ERROR = 78  # an error in the clinic's files: wait until it is corrected
PAUSE = 1.0  # seconds between two checks of the folder


def main() -> None:
    folder = Path(os.environ["CLINIC_DIR"])
    while True:
        seen = stamp(folder)
        # The web process reports errors in the clinic's files, in the browser too.
        mailer = subprocess.Popen(COMMAND)  # noqa: S603
        while stamp(folder) == seen:
            if mailer.poll() not in (None, CONFIGURATION_ERROR):
                sys.exit(mailer.returncode)
            time.sleep(PAUSE)
        mailer.terminate()
        mailer.wait()


if __name__ == "__main__":
    main()
