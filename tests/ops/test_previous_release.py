"""Old and new code side by side: an earlier version's processes go on while the database
is migrated under them, and after.
"""

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from flask import Flask

from config import ROOT
from tests.contact.conftest import GOOD, Visitor
from tests.support.databases import migrate
from tests.support.relay import Relay, relay
from tests.support.settings import environment
from tests.support.site import eventually, free_port

__all__ = ["relay"]

# The oldest commit whose tables count as released, while there is no release tag (v1.0 …).
FIRST = "b55f37aee5b05cd15bcca7284d5aa3be2580747c"
PARTS = "app clinic migrations static templates config.py gunicorn.conf.py pyproject.toml wsgi.py"


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of the newest release before this, or of FIRST."""
    tags = _git("tag", "--list", "v*", "--merged", "HEAD~1", "--sort=-version:refname")
    commit = (tags.decode().split() or [FIRST])[0]
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(fileobj=BytesIO(_git("archive", commit, *PARTS.split()))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.fail("this test takes earlier code out of git, and git is not installed")
    if done.returncode:
        pytest.fail(
            "this test takes earlier code out of git: it needs a clone with its history"
            f" (`git fetch --unshallow --tags`); git says: {done.stderr.decode().strip()}"
        )
    return done.stdout


@contextmanager
def serving(code: Path, output: Path, env: dict[str, str]) -> Iterator[str]:
    """The site of ``code`` with its mailer; its address."""
    port = free_port()
    with output.open("wb") as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"],
            cwd=code,
            env={"PATH": os.environ["PATH"], **env, "PORT": str(port), "WEB_CONCURRENCY": "1"},
            stdout=terminal,
            stderr=terminal,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or _ready(url), what="the old code answers")
        assert process.poll() is None, output.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_an_earlier_version_receives_and_delivers_on_the_database_of_this_one(
    old_code: Path,
    empty_postgres_url: str,
    tmp_path: Path,
    relay: Relay,
    make_app: Callable[..., Flask],
) -> None:
    mail = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
    env = environment(tmp_path / "old", DATABASE_URL=empty_postgres_url, **mail)
    upgrade = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    path = {"PATH": os.environ["PATH"]}
    subprocess.run(upgrade, cwd=old_code, env={**path, **env}, check=True, capture_output=True)
    with serving(old_code, tmp_path / "old.log", env) as url:
        before = httpx.post(f"{url}/api/v1/inquiries", json=GOOD, trust_env=False)
        eventually(lambda: relay.taken, what="the old mailer is at work")
        migrate(empty_postgres_url, tmp_path)
        form = {**GOOD, "message": "After the migration"}
        after = httpx.post(f"{url}/contact", data=form, trust_env=False)
        new = Visitor(make_app(DATABASE_URL=empty_postgres_url)).call(message="By the new code")
        assert [one.status_code for one in (before, after, new)] == [201, 303, 201]
        eventually(lambda: len(relay.taken) == 3, what="the old mailer delivers all three")
    references = {before.json()["reference"], after.headers["Location"][-7:]}
    references.add((new.json or {})["reference"])
    subjects = "".join(str(one.message["Subject"]) for one in relay.taken)
    assert all(reference in subjects for reference in references)
