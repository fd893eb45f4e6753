"""Keys are changed without losing a word, and a missing one stops the start."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.contact.models import Inquiry
from app.database import Database
from app.encryption import KeyRing, fingerprint
from app.maintenance import encryption_keys, key_rotation
from app.outbox.models import OutboxMessage
from config import ROOT
from tests.cli.test_commands import Desk
from tests.support.settings import environment
from tests.support.smtp_relay import Relay, relay

__all__ = ["relay"]

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def with_keys(
    make_app: Callable[..., Flask], database_url: str, relay: Relay
) -> Callable[[str], Desk]:
    """Make the site on one database with other ENCRYPTION_KEYS."""

    def make(encryption_keys: str) -> Desk:
        there = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
        return Desk(make_app(DATABASE_URL=database_url, ENCRYPTION_KEYS=encryption_keys, **there))

    return make


def listed(desk: Desk) -> dict[str, Any]:
    rows = json.loads(desk.says("keys", "list", "--json"))
    return {row["fingerprint"]: (row["place"], row["rows"]) for row in rows}


def test_keys_are_listed_by_fingerprint_and_never_shown(with_keys: Callable[[str], Desk]) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    desk.send(message="later")
    assert listed(desk) == {fingerprint(NEW): ("newest", 2), fingerprint(OLD): ("old", 2)}
    said = desk.says("keys", "list") + desk.says("keys", "rotate")
    assert NEW not in said
    assert OLD not in said


def test_after_a_rotation_the_old_key_can_go(
    with_keys: Callable[[str], Desk], relay: Relay
) -> None:
    first = with_keys(OLD)
    first.send()
    encryption_keys.register_newest_key(first.database)
    desk = with_keys(f"{NEW},{OLD}")
    assert f"No longer needed in ENCRYPTION_KEYS: {fingerprint(OLD)}" in desk.says("keys", "rotate")
    alone = with_keys(NEW)
    encryption_keys.register_newest_key(alone.database)
    assert "Ada" in alone.says("inquiries", "show", alone.inquiries()[0].reference)
    alone.says("mailer", "run", "--once")
    assert len(relay.received) == 1


def test_rotating_again_changes_nothing(with_keys: Callable[[str], Desk]) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    assert "2 rows put" in desk.says("keys", "rotate")
    assert "0 rows put" in desk.says("keys", "rotate")


def test_a_rotation_that_was_broken_off_goes_on(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = with_keys(OLD)
    for number in range(6):
        old.send(message=f"Question {number}")
    desk = with_keys(f"{NEW},{OLD}")
    monkeypatch.setattr(key_rotation, "BATCH", 2)

    def break_off(seen: int) -> None:
        if seen >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        key_rotation.rotate_keys(desk.database, break_off)
    assert listed(desk) == {fingerprint(NEW): ("newest", 4), fingerprint(OLD): ("old", 8)}
    assert "8 rows put" in desk.says("keys", "rotate")
    assert listed(desk)[fingerprint(NEW)] == ("newest", 12)


def test_who_changes_a_row_meanwhile_has_won(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    reencrypt = KeyRing.reencrypt
    raced: list[bool] = []

    def deliver_meanwhile(ring: KeyRing, sealed: bytes) -> bytes:
        if not raced and sealed != b"":
            raced.append(True)
            with desk.database.session() as session:
                empty = {"encrypted_content": None, "state": "erased"}
                session.execute(sa.update(Inquiry).values(**empty))
                done = {"state": "delivered", "encrypted_message": None, "due_at": None}
                session.execute(sa.update(OutboxMessage).values(**done))
        return reencrypt(ring, sealed)

    monkeypatch.setattr(KeyRing, "reencrypt", deliver_meanwhile)
    desk.says("keys", "rotate")
    assert desk.inquiries()[0].encrypted_content is None
    assert desk.message().encrypted_message is None


def test_something_that_still_seals_with_the_old_key_is_told(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = with_keys(OLD)
    desk = with_keys(f"{NEW},{OLD}")
    numbers = iter(range(100))

    def tell(_seen: int) -> None:
        pass

    rounds = key_rotation._pass

    def with_a_late_post(database: Database, told: Callable[[int], None]) -> Any:
        old.send(message=f"late {next(numbers)}")
        return rounds(database, told)

    monkeypatch.setattr(key_rotation, "_pass", with_a_late_post)
    assert not key_rotation.rotate_keys(desk.database, tell).complete
    result = desk.run("keys", "rotate")
    assert result.exit_code == 1
    assert "something still seals with an old key" in result.output
    assert fingerprint(OLD) in listed(desk)


def test_a_missing_key_stops_the_mailer_and_kills_no_message(
    with_keys: Callable[[str], Desk],
) -> None:
    first = with_keys(OLD)
    first.send()
    encryption_keys.register_newest_key(first.database)
    wrong = with_keys(OTHER)
    for command in (("mailer", "run", "--once"), ("keys", "rotate")):
        result = wrong.run(*command)
        assert result.exit_code == 1
        assert f"a key is missing: ENCRYPTION_KEYS lacks {fingerprint(OLD)}" in result.output
        assert result.output.count("\n") == 1
    assert first.message().state == "pending"
    assert wrong.says("db", "current", "--check-heads")


def test_a_key_taken_out_before_its_rows_were_put_under_another_is_missed(
    with_keys: Callable[[str], Desk],
) -> None:
    encryption_keys.register_newest_key(with_keys(OLD).database)
    encryption_keys.register_newest_key(with_keys(f"{NEW},{OLD}").database)
    desk = with_keys(NEW)
    with pytest.raises(encryption_keys.MissingKeyError, match=fingerprint(OLD)):
        encryption_keys.register_newest_key(desk.database)


def test_a_key_that_is_lost_for_good_can_be_forgotten(with_keys: Callable[[str], Desk]) -> None:
    first = with_keys(OLD)
    first.send()
    encryption_keys.register_newest_key(first.database)
    desk = with_keys(NEW)
    assert listed(desk)[fingerprint(OLD)][0] == "missing"
    no = desk.run("keys", "forget", fingerprint(OLD), typed="n\n")
    assert "2 rows stay unreadable" in no.output
    with pytest.raises(encryption_keys.MissingKeyError):
        encryption_keys.register_newest_key(desk.database)
    desk.says("keys", "forget", fingerprint(OLD), "--yes")
    encryption_keys.register_newest_key(desk.database)
    assert desk.message().state == "pending"
    assert desk.run("keys", "forget", "no-key", "--yes").exit_code == 1


def test_processes_that_start_together_leave_one_canary_each(
    with_keys: Callable[[str], Desk],
) -> None:
    databases = [with_keys(f"{NEW},{OLD}").database for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(encryption_keys.register_newest_key, databases))
    with databases[0].read_session() as session:
        found = {one.fingerprint for one in encryption_keys.key_canaries(session)}
    assert found == {fingerprint(NEW), fingerprint(OLD)}


def start(desk: Desk, **more: str) -> "subprocess.CompletedProcess[str]":
    """Load the site as a web server does, in a process of its own."""
    given = environment(ROOT / "instance", **more)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "import wsgi; print('serving')"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **given, "INSTANCE_DIR": desk.app.instance_path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_site_does_not_start_without_a_key_and_says_which(
    with_keys: Callable[[str], Desk], database_url: str
) -> None:
    first = with_keys(OLD)
    right = start(first, DATABASE_URL=database_url, ENCRYPTION_KEYS=OLD)
    assert (right.returncode, right.stdout) == (0, "serving\n"), right.stderr
    wrong = start(first, DATABASE_URL=database_url, ENCRYPTION_KEYS=OTHER)
    assert (wrong.returncode, wrong.stdout) == (78, "")
    assert wrong.stderr.startswith(
        f"Not started: a key is missing: ENCRYPTION_KEYS lacks {fingerprint(OLD)}"
    )
    assert wrong.stderr.count("\n") == 1


def test_the_site_does_not_start_on_a_database_newer_than_the_code(
    with_keys: Callable[[str], Desk], database_url: str
) -> None:
    desk = with_keys(OLD)
    with desk.database.session() as session:
        session.execute(sa.text("update alembic_version set version_num = '9999'"))
    refused = start(desk, DATABASE_URL=database_url, ENCRYPTION_KEYS=OLD)
    assert refused.returncode == 78
    assert "the database is newer than this code (revision 9999)" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////nowhere/at/all.db"]
)
def test_the_site_starts_while_the_database_does_not_answer(
    make_app: Callable[..., Flask], url: str
) -> None:
    assert start(Desk(make_app()), DATABASE_URL=url).stdout == "serving\n"
