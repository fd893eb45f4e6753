"""A backup and its way back, on SQLite and on PostgreSQL; beside live traffic: test_live.py."""

import json
import os
import re
import stat
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.database import revisions
from app.maintenance import backup_archive
from app.maintenance.backup import backend_for, last_backup_at
from app.outbox.models import MailerHeartbeat, OutboxMessage
from tests.cli.test_commands import Desk, desk
from tests.database.test_migrations import set_revision, use_next_version
from tests.support.databases import postgres_programs
from tests.support.site import eventually
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay", "use_next_version"]


@pytest.fixture(autouse=True)
def programs_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test server's own pg_dump on PATH: another version may stand there."""
    monkeypatch.setenv("PATH", f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "one.backup"


def references(desk: Desk) -> set[str]:
    return {one.reference for one in desk.inquiries()}


def refusal(desk: Desk, *command: str) -> str:
    """What a command says that refuses: one line, and nothing in the database is changed."""
    before = (references(desk), states(desk))
    result = desk.run(*command)
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    assert (references(desk), states(desk)) == before
    return lines[0]


def states(desk: Desk) -> list[str]:
    with desk.database.read_session() as session:
        return sorted(session.scalars(sa.select(OutboxMessage.state)))


def test_a_backup_comes_back_on_hold(desk: Desk, relay: Relay, file: Path) -> None:
    desk.send(message="before")
    assert "1 inquiries, 1 mails undelivered" in desk.says("backup", str(file))
    desk.says("mailer", "run", "--once")
    desk.send(message="after")
    assert len(relay.received) == 1
    said = desk.says("restore", str(file), "--replace", typed="y\n")
    assert "The outbox is on hold" in said
    assert len(desk.inquiries()) == 1
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1, "what was sent once is not sent again by itself"
    assert "on hold" in desk.says("outbox", "list")
    desk.says("outbox", "resume", "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 2


def test_what_is_replaced_is_kept(desk: Desk, file: Path, tmp_path: Path) -> None:
    desk.says("backup", str(file))
    desk.send()
    ours = references(desk)
    said = desk.says("restore", str(file), "--replace", "--yes")
    assert references(desk) == set()
    (kept,) = tmp_path.glob("before-restore-*.backup")
    assert str(kept) in said
    desk.says("restore", str(kept), "--yes")
    assert references(desk) == ours


def test_a_backup_is_for_our_eyes_and_its_time_is_noted(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    desk.send()
    desk.says("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as tar:
        told = json.load(tar.extractfile("manifest.json") or pytest.fail("no manifest"))
    with desk.database.read_session() as session:
        noted = last_backup_at(session)
    assert noted == datetime.fromisoformat(told["created_at"])
    assert told["contents"]["inquiries"] == 1
    assert [one.name for one in tmp_path.glob(".*")] == [], "nothing is left behind"


def test_a_folder_gets_a_file_named_by_the_time(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    desk.says("backup", str(tmp_path / "kept"))
    (made,) = (tmp_path / "kept").iterdir()
    assert made.name.startswith("frontdesk-2")


def test_no_file_is_overwritten(desk: Desk, file: Path) -> None:
    file.write_text("mine")
    assert "exists already; nothing was written" in refusal(desk, "backup", str(file))
    assert file.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_one_clear_line(desk: Desk) -> None:
    assert "cannot write" in refusal(desk, "backup", "/nowhere/at/all.backup")


def test_a_database_that_is_not_empty_is_replaced_only_when_asked(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    assert "is not empty" in refusal(desk, "restore", str(file), "--yes")


def test_the_answer_no_changes_nothing(desk: Desk, file: Path) -> None:
    desk.says("backup", str(file))
    desk.send()
    assert desk.run("restore", str(file), "--replace", typed="n\n").exit_code == 1
    assert len(desk.inquiries()) == 1


def test_what_is_no_backup_is_one_clear_line(desk: Desk, file: Path) -> None:
    desk.send()
    for content in (b"", b"not a tar", b"SQLite format 3\0" + b"\0" * 500):
        file.write_bytes(content)
        said = refusal(desk, "restore", str(file), "--replace", "--yes")
        assert "is no backup made by `flask backup`; nothing changed" in said
    with tarfile.open(file, "w") as tar:
        tar.add(__file__, "manifest.json")
    assert "is no backup" in refusal(desk, "restore", str(file), "--replace", "--yes")
    assert "cannot read" in refusal(desk, "restore", str(file) + "x", "--replace", "--yes")
    assert "cannot read" in refusal(desk, "restore", str(file.parent), "--replace", "--yes")


@pytest.mark.parametrize("where", [0.5, 0.99])
def test_a_damaged_backup_is_one_clear_line(desk: Desk, file: Path, where: float) -> None:
    desk.send()
    desk.says("backup", str(file))
    content = bytearray(file.read_bytes())
    with tarfile.open(file) as tar:
        payload = tar.getmember("database")
    content[payload.offset_data + int(payload.size * where)] ^= 0xFF
    file.write_bytes(content)
    assert "is damaged" in refusal(desk, "restore", str(file), "--replace", "--yes")
    file.write_bytes(content[: payload.offset_data + payload.size // 2])
    assert refusal(desk, "restore", str(file), "--replace", "--yes")


def test_a_backup_that_our_keys_do_not_open_is_one_clear_line(
    desk: Desk, file: Path, make_app: Callable[..., Flask]
) -> None:
    desk.send()
    desk.says("keys", "rotate")
    desk.says("backup", str(file))
    url = desk.database.engine.url.render_as_string(hide_password=False)
    other = Desk(make_app(DATABASE_URL=url, ENCRYPTION_KEYS=Fernet.generate_key().decode()))
    said = refusal(other, "restore", str(file), "--replace", "--yes")
    assert "a key is missing: ENCRYPTION_KEYS lacks" in said


def test_a_backup_newer_than_the_code_is_one_clear_line(desk: Desk, file: Path) -> None:
    desk.send()
    set_revision(desk.database, "9999")
    desk.says("backup", str(file))
    set_revision(desk.database, revisions.known_revisions()[-1])
    said = refusal(desk, "restore", str(file), "--replace", "--yes")
    assert "has revision 9999, which this code does not know" in said


def test_a_database_newer_than_the_code_is_left_alone(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    set_revision(desk.database, "9999")
    for command in (("db", "upgrade"), ("restore", str(file), "--replace", "--yes")):
        assert "the database is newer than this code" in refusal(desk, *command)
    result = desk.run("mailer", "run", "--once")
    assert result.output.startswith("Error: Not started: the database is newer than this code")


def test_an_older_backup_is_brought_to_this_version(
    desk: Desk,
    file: Path,
    make_app: Callable[..., Flask],
    use_next_version: Callable[[], None],
) -> None:
    desk.send()
    ours = references(desk)
    desk.says("backup", str(file))
    use_next_version()
    url = desk.database.engine.url.render_as_string(hide_password=False)
    later = Desk(make_app(DATABASE_URL=url))
    later.says("db", "upgrade")
    assert "revision 0001" in later.says("restore", str(file), "--replace", "--yes")
    assert references(later) == ours
    assert "on hold" in later.says("outbox", "list")
    later.says("db", "current", "--check-heads")


def test_what_was_erased_since_is_erased_again(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    desk.says("inquiries", "erase", desk.inquiries()[0].reference, "--yes")
    assert "Erased again" in desk.says("restore", str(file), "--replace", "--yes")
    assert desk.inquiries()[0].encrypted_content is None


def test_leases_and_heartbeats_of_the_past_are_not_believed(desk: Desk, file: Path) -> None:
    desk.send()
    with desk.database.session() as session:
        now = desk.database.now(session)
        session.add(MailerHeartbeat(owner="gone", started_at=now, heartbeat_at=now))
        session.execute(sa.update(OutboxMessage).values(state="sending", owner="gone"))
    desk.says("backup", str(file))
    desk.says("restore", str(file), "--replace", "--yes")
    assert desk.message().state == "pending"
    with desk.database.read_session() as session:
        assert session.scalars(sa.select(MailerHeartbeat)).all() == []


def test_a_restore_that_fails_changes_nothing(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.says("backup", str(file))
    desk.send()

    def fail(*_: object) -> None:
        raise backup_archive.BackupError("no disk")

    monkeypatch.setattr(backend_for(desk.database), "copy", fail)
    assert "no disk" in refusal(desk, "restore", str(file), "--replace", "--yes")
    assert desk.send(message="again").status_code == 303, "the gate is open"
    assert "on hold" not in desk.says("outbox", "list")


def test_a_backup_of_the_other_database_is_one_clear_line(
    make_app: Callable[..., Flask], postgres_url: str, file: Path
) -> None:
    Desk(make_app()).says("backup", str(file))
    other = Desk(make_app(DATABASE_URL=postgres_url))
    said = refusal(other, "restore", str(file), "--yes")
    assert "is of sqlite, and DATABASE_URL names postgresql" in said


def test_without_pg_dump_it_says_what_to_install(
    make_app: Callable[..., Flask], postgres_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(make_app(DATABASE_URL=postgres_url))
    monkeypatch.setattr("app.maintenance.postgres_tools.DEBIAN_FOLDER", file.parent)
    monkeypatch.setenv("PATH", str(file.parent))
    said = refusal(desk, "backup", str(file))
    assert re.search(r"pg_dump \d+ or newer is not on PATH \(there is none\)", said)
    assert not file.exists()


def test_a_new_machine_gets_the_site_back(
    desk: Desk,
    file: Path,
    make_app: Callable[..., Flask],
    request: pytest.FixtureRequest,
) -> None:
    desk.send()
    desk.says("backup", str(file))
    url = f"sqlite:///{file.parent}/new/machine/frontdesk.db"
    if desk.database.engine.dialect.name == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    new = Desk(make_app(DATABASE_URL=url))
    new.says("restore", str(file), "--yes")
    assert references(new) == references(desk)
    assert new.send(message="welcome").status_code == 303


def test_a_gate_that_nobody_opens_opens_by_itself(desk: Desk) -> None:
    """A restore that was killed must not keep visitors out for ever."""
    backend_for(desk.database).close_gate(desk.database, 2)
    assert desk.send().status_code == 503
    eventually(lambda: desk.send().status_code == 303, 10, "posts are taken again")
