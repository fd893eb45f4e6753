"""Restore and key rotation on a running site: real processes, and visitors who keep posting."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.contact.models import Inquiry
from app.database import Database
from app.encryption import KeyRing, fingerprint
from app.outbox.models import OutboxMessage
from tests.cli.test_commands import Desk
from tests.support.databases import postgres_programs
from tests.support.load_generator import LoadGenerator
from tests.support.settings import ENCRYPTION_KEY
from tests.support.site import Site, eventually, running_site

NEW_KEY = Fernet.generate_key().decode()


class LiveSite(Desk):
    """Runs commands against the database of a site that runs in other processes."""

    def __init__(self, app: Flask, site: Site) -> None:
        super().__init__(app)
        self.site = site

    @property
    def url(self) -> str:
        return self.database.engine.url.render_as_string(hide_password=False)

    def references(self) -> set[str]:
        with self.database.read_session() as session:
            return set(session.scalars(sa.select(Inquiry.reference)))

    def copies(self) -> Counter[str]:
        """How many copies of each message have arrived."""
        return Counter(str(mail["Message-ID"]) for mail in self.site.messages())

    def all_delivered(self) -> bool:
        with self.database.read_session() as session:
            waiting = OutboxMessage.state != "delivered"
            return session.scalar(sa.select(OutboxMessage.id).where(waiting).limit(1)) is None


@pytest.fixture
def live(
    make_app: Callable[..., Flask],
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LiveSite]:
    monkeypatch.setenv("PATH", f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}")
    both = f"{NEW_KEY},{ENCRYPTION_KEY}"
    variables = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": both, "WEB_CONCURRENCY": "2"}
    with running_site(tmp_path / "instance", **variables) as site:
        yield LiveSite(make_app(DATABASE_URL=database_url, ENCRYPTION_KEYS=both), site)


def test_maintenance_under_load_loses_nothing_and_sends_nothing_twice(
    live: LiveSite, tmp_path: Path
) -> None:
    """A key rotation, then a restore of a backup and of what it replaced, in one running site."""
    visitors = LoadGenerator(live.site)
    rotate_keys(live, visitors)
    restore_twice(live, visitors, tmp_path)
    live.says("outbox", "resume", "--yes")
    eventually(live.all_delivered, what="everything is delivered after resuming")


def rotate_keys(live: LiveSite, visitors: LoadGenerator) -> None:
    old = Database(live.url, KeyRing([ENCRYPTION_KEY]))
    with visitors.submitting():
        visitors.wait_for_acknowledged(30)
        with old.session() as session:  # as if encrypted before the new key was added
            for row in session.scalars(sa.select(Inquiry).limit(25).with_for_update()):
                row.encrypted_content = old.keys.encrypt(
                    live.database.keys.decrypt(row.encrypted_content or b"")
                )
        output = live.says("keys", "rotate")
        visitors.wait_for_acknowledged(10)
    old.engine.dispose()
    assert "25 rows re-encrypted with the newest key" in output
    assert f"No longer needed in ENCRYPTION_KEYS: {fingerprint(ENCRYPTION_KEY)}" in output
    assert ENCRYPTION_KEY not in output
    assert visitors.statuses == {201}
    newest = KeyRing([NEW_KEY])
    with live.database.read_session() as session:
        encrypted = session.scalars(sa.select(Inquiry.encrypted_content)).all()
    assert len(encrypted) == len(visitors.acknowledged)
    assert all(newest.key_of(content or b"") for content in encrypted)
    eventually(live.all_delivered, what="everything is delivered")
    assert set(live.copies().values()) == {1}


def restore_twice(live: LiveSite, visitors: LoadGenerator, folder: Path) -> None:
    """LOST = 0: each accepted inquiry is in the restored database or in the backup of the
    replaced one. DUP = 0 until the outbox is resumed.
    """
    file = folder / "one.backup"
    with visitors.submitting():
        visitors.wait_for_acknowledged(10)
        before = set(visitors.acknowledged)
        live.says("backup", str(file))
        visitors.wait_for_acknowledged(10)
        live.says("restore", str(file), "--replace", "--yes")
        visitors.wait_for_acknowledged(20)
    restored = live.references()
    assert before <= restored
    assert visitors.statuses <= {201, 503}
    assert "paused" in live.says("outbox", "list")
    (kept,) = folder.glob("before-restore-*.backup")
    time.sleep(1)  # file names have seconds
    live.says("restore", str(kept), "--replace", "--yes")
    assert visitors.acknowledged <= restored | live.references()
    assert max(live.copies().values(), default=0) <= 1
