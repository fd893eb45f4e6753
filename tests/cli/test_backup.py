"""``flask backup`` and ``restore``, on SQLite and PostgreSQL. Under load: test_under_load.py."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.database import revisions
from app.diagnostics.environment import check_replaced_backups
from app.encryption import KeyRing
from app.maintenance import backup_archive, erasure_list, restore
from app.maintenance.backup import backup_overdue_for, get_backend, last_backup_at
from app.maintenance.backup_folder import delete_old_backups
from app.maintenance.restore import block_inquiries
from app.outbox.models import OutboxMessage
from config import ROOT
from tests.cli.test_commands import Desk, desk
from tests.database.test_migrations import set_revision, use_next_version
from tests.support.databases import postgres_programs, sqlite_only
from tests.support.settings import environment
from tests.support.site import eventually
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay", "use_next_version"]


@pytest.fixture(autouse=True)
def postgres_programs_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the test server's own pg_dump first on PATH, which may have another version."""
    monkeypatch.setenv("PATH", f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "one.backup"


def references(desk: Desk) -> set[str]:
    return {one.reference for one in desk.inquiries()}


def error_of(desk: Desk, *command: str) -> str:
    """Run a command that fails. Return its only error line; the database must not change."""
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


def test_a_backup_is_restored_with_the_outbox_paused(desk: Desk, relay: Relay, file: Path) -> None:
    desk.send(message="before")
    assert "1 inquiry, 1 undelivered email" in desk.says("backup", str(file))
    desk.says("mailer", "run", "--once")
    desk.send(message="after")
    assert len(relay.received) == 1
    output = desk.says("restore", str(file), "--replace", typed="y\n")
    assert "The outbox is paused" in output
    assert len(desk.inquiries()) == 1
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 1, "nothing is sent again by itself"
    assert "paused" in desk.says("outbox", "list")
    desk.says("outbox", "resume", "--yes")
    desk.says("mailer", "run", "--once")
    assert len(relay.received) == 2


def test_replaced_content_is_backed_up(desk: Desk, file: Path, tmp_path: Path) -> None:
    desk.says("backup", str(file))
    desk.send()
    ours = references(desk)
    output = desk.says("restore", str(file), "--replace", "--yes")
    assert references(desk) == set()
    (kept,) = tmp_path.glob("before-restore-*.backup")
    assert str(kept) in output
    desk.says("restore", str(kept), "--yes")
    assert references(desk) == ours
    assert desk.send(message="accepted again").status_code == 303
    assert restore_guards(desk) == []


def restore_guards(desk: Desk) -> list[str]:
    """The triggers of the database, and the check constraints that block inquiries."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT conname FROM pg_constraint WHERE conname = 'restore_in_progress'"
        " UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with desk.database.engine.connect() as connection:
        return list(connection.exec_driver_sql(queries[connection.dialect.name]).scalars())


def test_a_first_backup_that_fails_is_missed(desk: Desk, tmp_path: Path) -> None:
    failed = desk.run("backup", str(tmp_path / "no-folder" / "one.backup"), "--every", "1")
    assert failed.exit_code == 1
    with desk.database.read_session() as session:
        assert backup_overdue_for(session, datetime.now(UTC) + timedelta(hours=2.9)) is None
        assert backup_overdue_for(session, datetime.now(UTC) + timedelta(hours=3.1))


def test_a_backup_is_private_and_its_time_is_recorded(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    desk.send()
    desk.says("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    manifest = json.loads(file.read_bytes().split(b"\n", 2)[1])
    with desk.database.read_session() as session:
        recorded = last_backup_at(session)
    assert recorded == datetime.fromisoformat(manifest["created_at"])
    assert manifest["contents"]["inquiries"] == 1
    assert [one.name for one in tmp_path.glob(".*")] == [], "no temporary file is left"


def test_a_backup_in_a_folder_is_named_by_the_time(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    desk.says("backup", str(tmp_path / "kept"))
    (made,) = (tmp_path / "kept").glob("*.backup")
    assert made.name.startswith("frontdesk-2")


def test_no_file_is_overwritten_and_an_unwritable_path_is_reported(desk: Desk, file: Path) -> None:
    file.write_text("mine")
    assert "exists already; nothing was written" in error_of(desk, "backup", str(file))
    assert file.read_text() == "mine"
    assert "cannot write" in error_of(desk, "backup", "/nowhere/at/all.backup")


def test_content_is_not_replaced_without_the_option_and_a_confirmation(
    desk: Desk, file: Path
) -> None:
    desk.send()
    desk.says("backup", str(file))
    desk.send(message="after")
    assert "is not empty" in error_of(desk, "restore", str(file), "--yes")
    assert desk.run("restore", str(file), "--replace", typed="n\n").exit_code == 1
    assert len(desk.inquiries()) == 2


def test_a_file_that_is_not_a_backup_is_reported_in_one_line(desk: Desk, file: Path) -> None:
    desk.send()
    for content in (b"", b"not a tar", b"SQLite format 3\0" + b"\0" * 500):
        file.write_bytes(content)
        output = error_of(desk, "restore", str(file), "--replace", "--yes")
        assert "is not a backup made by `flask backup`" in output
    assert "No such file" in error_of(desk, "restore", str(file) + "x", "--replace", "--yes")
    assert "Is a directory" in error_of(desk, "restore", str(file.parent), "--replace", "--yes")


def test_a_damaged_backup_is_reported_in_one_line(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    original = file.read_bytes()
    payload = len(original) - len(original.split(b"\n", 2)[2])
    size = len(original) - payload
    for where in (0, size // 2, size - 1):
        content = bytearray(original)
        content[payload + where] ^= 0xFF
        file.write_bytes(content)
        assert "is damaged" in error_of(desk, "restore", str(file), "--replace", "--yes")
    file.write_bytes(original[: payload + size // 2])
    assert "is damaged" in error_of(desk, "restore", str(file), "--replace", "--yes")


@sqlite_only
@pytest.mark.parametrize(
    "manifest",
    [
        None,
        b'{"version": "another"}',
        b"[" * 100_000,
        b'{"size": 1e999999}',
        b"\xff\xfe\0",
        b"9" * (2 << 20),
    ],
    ids=["signed by another key", "other", "nested", "number", "bytes", "long"],
)
def test_a_changed_backup_is_reported_in_one_line(
    desk: Desk, file: Path, manifest: bytes | None
) -> None:
    """Nothing of it is parsed: who can write to the backups has no key to sign them."""
    desk.send()
    desk.says("backup", str(file))
    header, original, content = file.read_bytes().split(b"\n", 2)
    line = original.replace(b'"inquiries":1', b'"inquiries":7') if manifest is None else manifest
    if manifest is None:
        forger = KeyRing([Fernet.generate_key().decode()])
        signature = forger.sign(line + b"\n", forger.fingerprints[0]).encode()
        header = b" ".join((*header.split()[:2], signature))
    file.write_bytes(b"\n".join((header, line, content)))
    output = error_of(desk, "restore", str(file), "--replace", "--yes")
    assert "was changed after `flask backup` made it" in output


@sqlite_only
def test_a_longer_file_is_not_unpacked_beyond_the_size_in_the_manifest(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    desk.send()
    desk.says("backup", str(file))
    with file.open("r+b") as archive:
        archive.truncate(8 << 30)  # sparse: it needs no space, but a copy would
    free = os.statvfs(tmp_path).f_bavail
    desk.says("restore", str(file), "--replace", "--yes")
    assert len(desk.inquiries()) == 1
    assert free - os.statvfs(tmp_path).f_bavail < (1 << 30) // os.statvfs(tmp_path).f_frsize


def test_a_backup_with_a_trigger_or_another_column_is_not_restored(desk: Desk, file: Path) -> None:
    """A trigger could throw acknowledged inquiries away."""
    desk.send()
    trigger = {
        "sqlite": "CREATE TRIGGER ignore BEFORE INSERT ON inquiry BEGIN SELECT RAISE(IGNORE); END",
        "postgresql": "CREATE TRIGGER ignore BEFORE INSERT ON inquiry"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    }
    undo = {
        "sqlite": "DROP TRIGGER ignore",
        "postgresql": "DROP TRIGGER ignore ON inquiry",
    }
    dialect = desk.database.engine.dialect.name
    for change, back, found in (
        (trigger[dialect], undo[dialect], "trigger ignore"),
        (
            "ALTER TABLE inquiry ADD COLUMN color integer",
            "ALTER TABLE inquiry DROP COLUMN color",
            "inquiry.color",
        ),
        (
            "ALTER TABLE alert DROP COLUMN claimed_at",
            "ALTER TABLE alert ADD COLUMN claimed_at timestamp",
            "alert.claimed_at",
        ),
    ):
        with desk.database.session() as session:
            session.execute(sa.text(change))
        desk.says("backup", str(file))
        with desk.database.session() as session:
            session.execute(sa.text(back))
        output = error_of(desk, "restore", str(file), "--replace", "--yes")
        assert f"has other tables than this version: {found}" in output
        file.unlink()


def test_a_backup_encrypted_with_another_key_is_reported_in_one_line(
    desk: Desk, file: Path, make_app: Callable[..., Flask]
) -> None:
    desk.send()
    desk.says("keys", "rotate")
    desk.says("backup", str(file))
    url = desk.database.engine.url.render_as_string(hide_password=False)
    other = Desk(make_app(DATABASE_URL=url, ENCRYPTION_KEYS=Fernet.generate_key().decode()))
    output = error_of(other, "restore", str(file), "--replace", "--yes")
    assert "a key is missing: ENCRYPTION_KEYS lacks" in output
    output = error_of(other, "backup", f"{file}2")
    assert "a key is missing: ENCRYPTION_KEYS lacks" in output, "it could not be restored"


def test_a_backup_newer_than_the_code_is_reported_in_one_line(desk: Desk, file: Path) -> None:
    desk.send()
    set_revision(desk.database, "9999")
    desk.says("backup", str(file))
    set_revision(desk.database, revisions.known_revisions()[-1])
    output = error_of(desk, "restore", str(file), "--replace", "--yes")
    assert "has revision 9999, which this code does not know" in output


def test_a_database_newer_than_the_code_is_not_changed(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    set_revision(desk.database, "9999")
    for command in (("db", "upgrade"), ("restore", str(file), "--replace", "--yes")):
        assert "the database is newer than this code" in error_of(desk, *command)
    result = desk.run("mailer", "run", "--once")
    assert result.output.startswith("Error: Not started: the database is newer than this code")


def test_an_older_backup_is_migrated(
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
    assert "paused" in later.says("outbox", "list")
    later.says("db", "current", "--check-heads")


def test_inquiries_erased_since_the_backup_are_erased_again(desk: Desk, file: Path) -> None:
    desk.send()
    desk.says("backup", str(file))
    desk.says("inquiries", "erase", desk.inquiries()[0].reference, "--yes")
    assert "Erased again" in desk.says("restore", str(file), "--replace", "--yes")
    assert desk.inquiries()[0].encrypted_content is None


@pytest.fixture
def new_machine(
    desk: Desk,
    tmp_path: Path,
    relay: Relay,
    make_app: Callable[..., Flask],
    request: pytest.FixtureRequest,
) -> Desk:
    """A site with an empty database of the same kind and an empty instance folder."""
    (tmp_path / "new").mkdir()
    url = f"sqlite:///{tmp_path}/new/new.db"
    if desk.database.engine.dialect.name == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    mail = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
    return Desk(make_app(DATABASE_URL=url, INSTANCE_DIR=str(tmp_path / "new"), **mail))


def test_what_was_erased_is_erased_again_on_a_new_machine(
    desk: Desk, new_machine: Desk, relay: Relay, tmp_path: Path
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    desk.send(message="erase me")
    desk.send(message="keep me")
    desk.says("backup", str(backups / "first.backup"))
    erased, kept = desk.inquiries()
    desk.says("inquiries", "erase", erased.reference, "--yes")
    desk.says("backup", str(backups / "second.backup"))
    output = new_machine.says("restore", str(backups / "first.backup"), "--yes")
    assert "Erased again, as before the restore: 1" in output
    assert "There is no" not in output
    assert {one.reference: one.state for one in new_machine.inquiries()} == {
        erased.reference: "erased",
        kept.reference: "received",
    }
    new_machine.says("outbox", "resume", "--yes")
    new_machine.says("mailer", "run", "--once")
    assert ["keep me" in mail.message.as_string() for mail in relay.received] == [True]
    shown = new_machine.says("inquiries", "show", erased.reference)
    assert "The content was erased." in shown


def test_an_erasure_is_remembered_after_the_database_that_knew_it_is_replaced(
    desk: Desk, tmp_path: Path
) -> None:
    desk.says("backup", str(tmp_path / "empty.backup"))
    desk.send()
    desk.says("backup", str(tmp_path / "full.backup"))
    desk.says("inquiries", "erase", desk.inquiries()[0].reference, "--yes")
    desk.says("restore", str(tmp_path / "empty.backup"), "--replace", "--yes")
    desk.says("restore", str(tmp_path / "full.backup"), "--replace", "--yes")
    assert desk.inquiries()[0].state == "erased"


def test_an_erasure_after_the_last_backup_is_remembered_if_only_the_database_is_lost(
    desk: Desk, tmp_path: Path, make_app: Callable[..., Flask], request: pytest.FixtureRequest
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    desk.send()
    desk.says("backup", str(backups / "only.backup"))
    desk.says("inquiries", "erase", desk.inquiries()[0].reference, "--yes")
    url = f"sqlite:///{tmp_path}/new.db"
    if desk.database.engine.dialect.name == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    new = Desk(make_app(DATABASE_URL=url))
    new.says("restore", str(backups / "only.backup"), "--yes")
    assert new.inquiries()[0].state == "erased"


def test_a_missing_list_of_erasures_is_reported(
    desk: Desk, new_machine: Desk, tmp_path: Path
) -> None:
    desk.send()
    (tmp_path / "copy").mkdir()
    desk.says("backup", str(tmp_path / "one.backup"))
    (tmp_path / "one.backup").rename(tmp_path / "copy" / "one.backup")
    output = new_machine.says("restore", str(tmp_path / "copy" / "one.backup"), "--yes")
    assert "There is no erased-inquiries.txt next to the backup. Erase again what was" in output


def test_the_list_of_erasures_survives_a_line_that_was_cut_off(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / erasure_list.FILE_NAME
    for number in range(2):
        desk.send(message=f"Question {number}")
        desk.says("inquiries", "erase", desk.inquiries()[number].reference, "--yes")
        with file.open("a") as cut_off:
            cut_off.write("JKL-")
    assert set(erasure_list.read_list(tmp_path)) == references(desk)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_of_replaced_content_is_deleted_after_two_weeks(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    desk.send()
    desk.says("backup", str(file))
    desk.says("restore", str(file), "--replace", "--yes")
    (replaced,) = tmp_path.glob("before-restore-*")
    assert "1" in check_replaced_backups(tmp_path)[0].message
    for days, exists in ((13.9, True), (14.1, False)):
        then = time.time() - timedelta(days=days).total_seconds()
        os.utime(replaced, (then, then))
        desk.says("retention", "run")
        assert replaced.exists() is exists
    assert check_replaced_backups(tmp_path) == []
    assert file.exists()


def test_leases_from_the_backup_end(desk: Desk, file: Path) -> None:
    desk.send()
    with desk.database.session() as session:
        session.execute(sa.update(OutboxMessage).values(state="sending", owner="gone"))
    desk.says("backup", str(file))
    desk.says("restore", str(file), "--replace", "--yes")
    assert desk.message().state == "pending"


def test_a_failed_restore_changes_nothing(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.says("backup", str(file))
    desk.send()

    def fail(*_: object) -> None:
        raise backup_archive.BackupError("no disk")

    monkeypatch.setattr(get_backend(desk.database), "copy", fail)
    assert "no disk" in error_of(desk, "restore", str(file), "--replace", "--yes")
    assert desk.send(message="again").status_code == 303, "inquiries are accepted again"
    assert "paused" not in desk.says("outbox", "list")


def test_a_restore_is_refused_if_inquiries_could_be_accepted_before_the_content_is_replaced(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.says("backup", str(file))
    desk.send()
    monkeypatch.setattr(restore, "MAX_BLOCK", restore.MARGIN)  # over when the backup is made
    output = error_of(desk, "restore", str(file), "--replace", "--yes")
    assert "took too long: nothing restored" in output
    assert desk.send(message="again").status_code == 303
    assert restore_guards(desk) == []


def test_what_a_killed_backup_left_is_deleted(
    tmp_path: Path, postgres_url: str, make_app: Callable[..., Flask]
) -> None:
    backups, programs = tmp_path / "backups", tmp_path / "programs"
    backups.mkdir()
    programs.mkdir()
    killer = programs / "pg_dump"
    killer.write_text(
        "#!/bin/sh\nfor option; do case $option in --file=*) file=${option#--file=};; esac; done\n"
        'echo "a whole database" > "$file"; kill -9 $PPID\n'
    )
    killer.chmod(0o700)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "backup", str(backups)]
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    env = {**os.environ, **environment(tmp_path, DATABASE_URL=postgres_url), **path}
    killed = subprocess.run(command, cwd=ROOT, env=env, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (left,) = backups.iterdir()
    assert [file.read_text() for file in left.iterdir()] == ["a whole database\n"]
    left = left.rename(tmp_path / left.name)  # as a restore leaves it, in the instance folder
    running = backups / ".frontdesk-running"
    running.mkdir()
    desk = Desk(make_app(DATABASE_URL=postgres_url))
    desk.says("backup", str(backups))
    assert left.exists(), "it may be in use: it was written to just now"
    hour_ago = left.stat().st_mtime - 3600
    for old in (left, *left.iterdir()):
        os.utime(old, (hour_ago, hour_ago))
    time.sleep(1)  # file names have seconds
    desk.says("backup", str(backups))
    assert not left.exists()
    assert running.exists()


MOMENT = datetime(2020, 7, 15, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def hourly(tmp_path: Path) -> Path:
    """A folder with the hourly backups of 20 days, the last of them an hour ago."""
    folder = tmp_path / "hourly"
    folder.mkdir()
    for hours in range(1, 20 * 24 + 1):
        (folder / f"frontdesk-{MOMENT - hours * HOUR:%Y%m%dT%H%M%SZ}.backup").touch()
    return folder


def times(folder: Path) -> list[datetime]:
    """The times of the backups in ``folder``, oldest first."""
    return sorted(
        datetime.strptime(file.name, "frontdesk-%Y%m%dT%H%M%SZ.backup").replace(tzinfo=UTC)
        for file in folder.iterdir()
    )


def test_old_backups_are_thinned_out(hourly: Path) -> None:
    deleted = delete_old_backups(hourly, 14, MOMENT)
    left = times(hourly)
    hours = [MOMENT - number * HOUR for number in range(24, 0, -1)]
    assert left[-24:] == hours
    days = left[:-24]
    assert [(moment.hour, moment.minute) for moment in days] == [(23, 30)] * len(days)
    assert [moment.date() for moment in days] == [
        (MOMENT - number * DAY).date() for number in range(14, 1, -1)
    ]
    assert deleted == 20 * 24 - len(left)
    assert delete_old_backups(hourly, 14, MOMENT) == 0


def test_the_newest_backup_is_kept_and_a_wrong_clock_deletes_no_history(hourly: Path) -> None:
    delete_old_backups(hourly, 14, MOMENT)
    before = times(hourly)
    delete_old_backups(hourly, 14, MOMENT + 365 * DAY)
    after = times(hourly)
    assert after[-1] == before[-1]
    assert {moment.date() for moment in after} >= {moment.date() for moment in before[1:]}
    delete_old_backups(hourly, 14, MOMENT - 365 * DAY)
    assert times(hourly) == after, "names in the future are left alone"


def test_other_files_are_never_deleted(tmp_path: Path) -> None:
    for name in ("before-restore-frontdesk-20200101T000000Z.backup", "frontdesk-old.backup", "x"):
        (tmp_path / name).touch()
    assert delete_old_backups(tmp_path, 1, MOMENT) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_room_is_made_before_a_backup_is_written(
    desk: Desk, hourly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a full disk would stay full."""

    def fail(*_: object) -> None:
        raise backup_archive.BackupError("disk full")

    monkeypatch.setattr(get_backend(desk.database), "copy", fail)
    assert "disk full" in error_of(desk, "backup", str(hourly), "--keep", "14")
    assert len(times(hourly)) < 24 * 2


def test_a_file_cannot_be_thinned_out(desk: Desk, file: Path) -> None:
    result = desk.run("backup", str(file), "--keep", "14")
    assert result.exit_code == 2
    assert "PATH must be a folder" in result.output


def test_a_backup_of_another_kind_of_database_is_reported_in_one_line(
    make_app: Callable[..., Flask], postgres_url: str, file: Path
) -> None:
    Desk(make_app()).says("backup", str(file))
    other = Desk(make_app(DATABASE_URL=postgres_url))
    output = error_of(other, "restore", str(file), "--yes")
    assert "is from sqlite, but DATABASE_URL names postgresql" in output


def test_a_missing_pg_dump_is_reported_in_one_line(
    make_app: Callable[..., Flask], postgres_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(make_app(DATABASE_URL=postgres_url))
    monkeypatch.setenv("PATH", str(file.parent))
    assert "pg_dump is not on PATH: install" in error_of(desk, "backup", str(file))
    assert not file.exists()


def test_a_backup_is_restored_on_a_new_machine(
    desk: Desk,
    file: Path,
    make_app: Callable[..., Flask],
    request: pytest.FixtureRequest,
) -> None:
    desk.send()
    desk.says("backup", str(file))
    url = f"sqlite:///{file.parent}/new.db"
    if desk.database.engine.dialect.name == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    new = Desk(make_app(DATABASE_URL=url))
    new.says("restore", str(file), "--yes")
    assert references(new) == references(desk)
    assert new.send(message="welcome").status_code == 303


def test_inquiries_are_accepted_again_after_a_killed_restore(desk: Desk) -> None:
    block_inquiries(desk.database, timedelta(seconds=2))
    assert desk.send().status_code == 503
    eventually(lambda: desk.send().status_code == 303, 10, "inquiries are accepted again")
