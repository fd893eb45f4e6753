"""A restart with new code while visitors write: deploy/systemd as systemd would do it.

systemd holds the listening socket and hands it to each web service in turn. Here
the test does so.
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
from tests.support.site import Site, stop_site

GUNICORN = Path(sys.executable).parent / "gunicorn"
READERS = 2

# What systemd does last: descriptor 3 is the door, and the process id says whom it is for.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Systemd:
    """Holds the door, and starts and stops the web service behind it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.started: list[Site] = []
        self._folder = folder
        self._database = database

    def start(self, release: Path) -> Site:
        """The web service of ``release``, ready or not."""
        port = self.door.getsockname()[1]
        env = environment(
            self._folder,
            BASE_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=self._database,
            CLINIC_DIR=str(ROOT / "clinic"),
        )
        output = self._folder / f"{release.name}.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(self.door.fileno()), str(GUNICORN)],
                cwd=release,
                env={"PATH": os.environ["PATH"], **env},
                pass_fds=(self.door.fileno(),),
                stdout=log,
                stderr=log,
            )
        self.started.append(Site(process, f"http://127.0.0.1:{port}", 0, self._folder, output))
        return self.started[-1]


@pytest.fixture
def systemd(tmp_path: Path, sqlite_url: str) -> Iterator[Systemd]:
    made = Systemd(tmp_path / "instance", sqlite_url)
    (tmp_path / "instance").mkdir()
    yield made
    for service in made.started:
        stop_site(service)
    made.door.close()


def release(folder: Path, *, told_as: str) -> Path:
    """The code as it is deployed, with another name for an error."""
    copy_image_files(folder)
    page = folder / "templates" / "errors" / "error.html"
    page.write_text(page.read_text().replace("Error {{ code }}", told_as))
    return folder


@contextmanager
def reading(url: str) -> Iterator[list[int]]:
    """LoadGenerator who open one page after the other, each on a new connection: their statuses."""
    done, statuses = threading.Event(), list[int]()

    def read() -> None:
        while not done.wait(0.02):
            statuses.append(httpx.get(f"{url}/contact", timeout=60, trust_env=False).status_code)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_and_no_inquiry_is_lost_while_new_code_takes_over(
    systemd: Systemd, tmp_path: Path, sqlite_url: str
) -> None:
    old_code = release(tmp_path / "old", told_as="Old fault")
    new_code = release(tmp_path / "new", told_as="New fault")
    old = systemd.start(old_code)
    assert _told(old.url) == "Old"
    visitors = LoadGenerator(old)
    with visitors.submitting(), reading(old.url) as statuses:
        visitors.wait_for_acknowledged(10)
        old.process.terminate()
        assert old.process.wait(30) == 0
        new = systemd.start(new_code)
        assert _told(new.url) == "New"
        visitors.wait_for_acknowledged(10)
    assert visitors.statuses == {201}
    assert set(statuses) == {200}
    assert _written_down(sqlite_url) == visitors.acknowledged


def _told(url: str) -> str:
    """Whose code answers; waits in line until one does."""
    page = httpx.get(f"{url}/no-such-page", timeout=60, trust_env=False).text
    return next(word for word in ("Old", "New") if f"{word} fault" in page)


def _written_down(url: str) -> set[str]:
    """The references that have a mail to go out."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT reference FROM outbox_message"))
        found = {str(reference) for (reference,) in rows}
    engine.dispose()
    return found
