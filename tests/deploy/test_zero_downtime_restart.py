"""A restart with a new release while visitors send inquiries, with systemd socket activation.

systemd keeps the listening socket open and passes it to each web service in turn. In this test,
the class Systemd does so.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from config import ROOT
from tests.support.container_image import copy_image_files
from tests.support.load_generator import LoadGenerator
from tests.support.settings import environment
from tests.support.shared_work import share_maps
from tests.support.site import Site, stop_site

GUNICORN = Path(sys.executable).parent / "gunicorn"
READERS = 2

# Socket activation: the socket is descriptor 3, and LISTEN_PID names the receiving process.
PASS_SOCKET = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Systemd:
    """Keeps the listening socket open and starts the web service."""

    def __init__(self, folder: Path, database: str) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.started: list[Site] = []
        self._folder = folder
        self._database = database

    def start(self, release: Path) -> Site:
        """Start the web service of ``release`` without waiting for it."""
        port = self.socket.getsockname()[1]
        env = environment(
            self._folder,
            BASE_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=self._database,
            CLINIC_DIR=str(ROOT / "clinic"),
            WEB_CONCURRENCY="1",
        )
        output = self._folder / f"{release.name}.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", PASS_SOCKET, str(self.socket.fileno()), str(GUNICORN)],
                cwd=release,
                env={"PATH": os.environ["PATH"], **env},
                pass_fds=(self.socket.fileno(),),
                stdout=log,
                stderr=log,
            )
        self.started.append(Site(process, f"http://127.0.0.1:{port}", 0, self._folder, output))
        return self.started[-1]


@pytest.fixture
def systemd(tmp_path: Path, sqlite_url: str) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "instance", sqlite_url)
    share_maps(tmp_path / "instance")
    yield systemd
    for service in systemd.started:
        stop_site(service)
    systemd.socket.close()


def create_release(folder: Path, *, error_title: str) -> Path:
    """Copy the deployed code, with a different title of the error page."""
    copy_image_files(folder)
    page = folder / "templates" / "errors" / "error.html"
    page.write_text(page.read_text().replace("Error {{ code }}", error_title))
    return folder


@contextmanager
def page_visits(url: str) -> Iterator[list[int]]:
    """Request pages in several threads, each on a new connection. Yield the statuses."""
    stop, statuses = threading.Event(), list[int]()

    def visit() -> None:
        while not stop.wait(0.02):
            statuses.append(httpx.get(f"{url}/contact", timeout=60, trust_env=False).status_code)

    threads = [threading.Thread(target=visit) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_and_no_inquiry_is_lost_during_a_restart(
    systemd: Systemd, tmp_path: Path, sqlite_url: str
) -> None:
    old_code = create_release(tmp_path / "old", error_title="Old error")
    new_code = create_release(tmp_path / "new", error_title="New error")
    old = systemd.start(old_code)
    assert _responding_release(old.url) == "Old"
    load = LoadGenerator(old)
    with load.submitting(), page_visits(old.url) as statuses:
        load.wait_for_acknowledged(10)
        old.process.terminate()
        assert old.process.wait(30) == 0
        new = systemd.start(new_code)
        assert _responding_release(new.url) == "New"
        load.wait_for_acknowledged(10)
    assert load.statuses == {201}
    assert set(statuses) == {200}
    assert _queued_references(sqlite_url) == load.acknowledged


def _responding_release(url: str) -> str:
    """Return the release that responds. The request waits in the socket's queue until one does."""
    page = httpx.get(f"{url}/no-such-page", timeout=60, trust_env=False).text
    return next(release for release in ("Old", "New") if f"{release} error" in page)


def _queued_references(url: str) -> set[str]:
    """Return the references in the outbox."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT reference FROM outbox_message"))
        references = {str(reference) for (reference,) in rows}
    engine.dispose()
    return references
