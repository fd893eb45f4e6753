"""Prints the addresses of the development site once it responds. A process of Procfile.dev."""

import http.client
import os
import signal
import time
from contextlib import closing


def wait_for_site(host: str, port: int) -> None:
    while not _responds(host, port):
        time.sleep(0.1)


def _responds(host: str, port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    wait_for_site(os.environ["SITE_HOST"], int(os.environ["SITE_PORT"]))
    print(os.environ["SITE_BANNER"], flush=True)  # noqa: T201
    signal.pause()  # honcho stops all processes when one exits
