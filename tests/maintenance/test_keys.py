"""``flask keys``, and the checks for missing keys at startup."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDoneError
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.contact.models import Inquiry
from app.database import Database, key_check_values
from app.encryption import KeyRing, fingerprint
from app.maintenance import key_rotation
from app.outbox.models import OutboxMessage
from app.outbox.worker import Mailer
from config import ROOT
from tests.cli.test_commands import Desk
from tests.support.settings import environment
from tests.support.smtp_relay import Relay, relay
from tests.support.transports import transport_of

__all__ = ["relay"]

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def with_keys(
    make_app: Callable[..., Flask], database_url: str, relay: Relay
) -> Callable[[str], Desk]:
    """Create the site with other ENCRYPTION_KEYS on the same database."""

    def make(encryption_keys: str) -> Desk:
        there = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
        return Desk(make_app(DATABASE_URL=database_url, ENCRYPTION_KEYS=encryption_keys, **there))

    return make


def listed(desk: Desk) -> dict[str, Any]:
    rows = json.loads(desk.says("keys", "list", "--json"))
    return {row["fingerprint"]: (row["status"], row["rows"]) for row in rows}


def test_keys_are_listed_by_fingerprint_and_never_shown(with_keys: Callable[[str], Desk]) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    desk.send(message="later")
    assert listed(desk) == {fingerprint(NEW): ("newest", 2), fingerprint(OLD): ("old", 2)}
    said = desk.says("keys", "list") + desk.says("keys", "rotate")
    assert NEW not in said
    assert OLD not in said


def test_the_old_key_can_be_removed_after_a_rotation(
    with_keys: Callable[[str], Desk], relay: Relay
) -> None:
    first = with_keys(OLD)
    first.send()
    key_check_values.register_newest_key(first.database)
    desk = with_keys(f"{NEW},{OLD}")
    assert f"No longer needed in ENCRYPTION_KEYS: {fingerprint(OLD)}" in desk.says("keys", "rotate")
    alone = with_keys(NEW)
    key_check_values.register_newest_key(alone.database)
    assert "Ada" in alone.says("inquiries", "show", alone.inquiries()[0].reference)
    alone.says("mailer", "run", "--once")
    assert len(relay.received) == 1


def test_a_second_rotation_changes_nothing(with_keys: Callable[[str], Desk]) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    assert "2 rows re-encrypted" in desk.says("keys", "rotate")
    assert "0 rows re-encrypted" in desk.says("keys", "rotate")


def test_an_interrupted_rotation_can_be_continued(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = with_keys(OLD)
    for number in range(6):
        old.send(message=f"Question {number}")
    desk = with_keys(f"{NEW},{OLD}")
    monkeypatch.setattr(key_rotation, "BATCH_SIZE", 2)

    def interrupt(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    pauses: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            key_rotation.rotate_keys(desk.database)
    assert listed(desk) == {fingerprint(NEW): ("newest", 4), fingerprint(OLD): ("old", 8)}
    assert "8 rows re-encrypted" in desk.says("keys", "rotate")
    assert listed(desk)[fingerprint(NEW)] == ("newest", 12)


def test_a_row_changed_during_rotation_keeps_the_change(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(OLD).send()
    desk = with_keys(f"{NEW},{OLD}")
    reencrypt = KeyRing.reencrypt
    raced: list[bool] = []

    def deliver_and_reencrypt(ring: KeyRing, encrypted: bytes) -> bytes:
        if not raced and encrypted != b"":
            raced.append(True)
            with desk.database.session() as session:
                empty = {"encrypted_content": None, "state": "erased"}
                session.execute(sa.update(Inquiry).values(**empty))
                done = {"state": "delivered", "encrypted_message": None, "due_at": None}
                session.execute(sa.update(OutboxMessage).values(**done))
        return reencrypt(ring, encrypted)

    monkeypatch.setattr(KeyRing, "reencrypt", deliver_and_reencrypt)
    desk.says("keys", "rotate")
    assert desk.inquiries()[0].encrypted_content is None
    assert desk.message().encrypted_message is None


def test_a_process_that_still_uses_the_old_key_is_reported(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = with_keys(OLD)
    desk = with_keys(f"{NEW},{OLD}")
    numbers = iter(range(100))

    original = key_rotation._batches

    def send_and_read(database: Database, column: Any) -> Any:
        old.send(message=f"late {next(numbers)}")
        return original(database, column)

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "_batches", send_and_read)
        result = desk.run("keys", "rotate")
    assert result.exit_code == 1
    assert "a process still uses an old key" in result.output
    assert fingerprint(OLD) in listed(desk)


def test_a_process_that_was_idle_during_the_rotation_stores_nothing_with_the_old_key(
    with_keys: Callable[[str], Desk], relay: Relay
) -> None:
    idle = with_keys(OLD)
    idle.send()
    with_keys(f"{NEW},{OLD}").says("keys", "rotate")
    assert idle.send(message="by the form").status_code == 503
    assert idle.call(message="by the API").status_code == 503
    with idle.app.app_context(), pytest.raises(key_check_values.MissingKeyError):
        Mailer(idle.database, transport_of(idle.app), owner="idle").deliver_one()
    assert relay.received == []
    alone = with_keys(NEW)
    assert listed(alone) == {fingerprint(NEW): ("newest", 2)}
    assert alone.send(message="by the form").status_code == 303


def test_a_process_that_puts_the_old_key_first_makes_it_needed_again(
    with_keys: Callable[[str], Desk],
) -> None:
    idle = with_keys(f"{OLD},{NEW}")
    idle.send()
    with_keys(f"{NEW},{OLD}").says("keys", "rotate")
    assert idle.send(message="later").status_code == 303
    with pytest.raises(key_check_values.MissingKeyError, match=fingerprint(OLD)):
        key_check_values.register_newest_key(with_keys(NEW).database)


def test_an_inquiry_being_stored_while_its_key_is_rotated_out_is_reencrypted(
    with_keys: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = with_keys(OLD)
    old.send()
    desk = with_keys(f"{NEW},{OLD}")
    delete = key_check_values.delete_check_values

    def send_and_delete(*arguments: Any) -> None:
        sending.submit(old.send, message="at the last moment").result(10)
        delete(*arguments)

    if old.database.engine.dialect.name == "postgresql":
        monkeypatch.setattr(key_check_values, "delete_check_values", send_and_delete)
    with ThreadPoolExecutor(1) as sending:
        desk.says("keys", "rotate")
    assert set(listed(with_keys(NEW))) == {fingerprint(NEW)}


def test_a_key_is_not_rotated_out_while_something_is_being_stored_with_it(
    with_keys: Callable[[str], Desk],
) -> None:
    database = with_keys(OLD).database
    key_check_values.register_newest_key(database)

    def rotate_out() -> None:
        with database.session() as session:
            key_check_values.delete_check_values(session, fingerprint(OLD))

    with ThreadPoolExecutor(1) as pool:
        with database.session() as session:
            key_check_values.require_newest_key(session, database.keys, database.now(session))
            rotated_out = pool.submit(rotate_out)
            with pytest.raises(NotDoneError):
                rotated_out.result(0.5)
        rotated_out.result(30)


def test_an_inquiry_is_stored_and_its_key_registered_without_a_start(
    with_keys: Callable[[str], Desk],
) -> None:
    """The database may not have answered when the site started."""
    with_keys(OLD).send()
    with pytest.raises(key_check_values.MissingKeyError, match=fingerprint(OLD)):
        key_check_values.register_newest_key(with_keys(NEW).database)


def test_a_missing_key_stops_the_mailer_and_keeps_messages(
    with_keys: Callable[[str], Desk],
) -> None:
    first = with_keys(OLD)
    first.send()
    key_check_values.register_newest_key(first.database)
    wrong = with_keys(OTHER)
    for command in (("mailer", "run", "--once"), ("keys", "rotate")):
        result = wrong.run(*command)
        assert result.exit_code == 1
        assert f"a key is missing: ENCRYPTION_KEYS lacks {fingerprint(OLD)}" in result.output
        assert result.output.count("\n") == 1
    assert first.message().state == "pending"
    assert wrong.says("db", "current", "--check-heads")


def test_a_key_removed_before_rotation_is_reported_missing(
    with_keys: Callable[[str], Desk],
) -> None:
    key_check_values.register_newest_key(with_keys(OLD).database)
    key_check_values.register_newest_key(with_keys(f"{NEW},{OLD}").database)
    desk = with_keys(NEW)
    with pytest.raises(key_check_values.MissingKeyError, match=fingerprint(OLD)):
        key_check_values.register_newest_key(desk.database)


def test_a_lost_key_can_be_forgotten(with_keys: Callable[[str], Desk]) -> None:
    first = with_keys(OLD)
    first.send()
    key_check_values.register_newest_key(first.database)
    desk = with_keys(NEW)
    assert listed(desk)[fingerprint(OLD)][0] == "missing"
    no = desk.run("keys", "forget", fingerprint(OLD), typed="n\n")
    assert "2 rows cannot be read" in no.output
    with pytest.raises(key_check_values.MissingKeyError):
        key_check_values.register_newest_key(desk.database)
    desk.says("keys", "forget", fingerprint(OLD), "--yes")
    key_check_values.register_newest_key(desk.database)
    assert desk.message().state == "pending"
    assert desk.run("keys", "forget", "no-key", "--yes").exit_code == 1


def test_processes_starting_together_create_one_check_value_per_key(
    with_keys: Callable[[str], Desk],
) -> None:
    databases = [with_keys(f"{NEW},{OLD}").database for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(key_check_values.register_newest_key, databases))
    with databases[0].read_session() as session:
        found = {one.fingerprint for one in key_check_values.get_key_check_values(session)}
    assert found == {fingerprint(NEW), fingerprint(OLD)}


def start(desk: Desk, **more: str) -> "subprocess.CompletedProcess[str]":
    """Load the site in a process of its own, like a web server."""
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


def test_the_site_does_not_start_without_a_key_and_names_it(make_app: Callable[..., Flask]) -> None:
    first = Desk(make_app(ENCRYPTION_KEYS=OLD))
    url = first.database.engine.url.render_as_string()
    right = start(first, DATABASE_URL=url, ENCRYPTION_KEYS=OLD)
    assert (right.returncode, right.stdout) == (0, "serving\n"), right.stderr
    wrong = start(first, DATABASE_URL=url, ENCRYPTION_KEYS=OTHER)
    assert (wrong.returncode, wrong.stdout) == (78, "")
    assert wrong.stderr.startswith(
        f"Not started: a key is missing: ENCRYPTION_KEYS lacks {fingerprint(OLD)}"
    )
    assert wrong.stderr.count("\n") == 1


def test_the_site_does_not_start_on_a_database_newer_than_the_code(
    make_app: Callable[..., Flask],
) -> None:
    desk = Desk(make_app())
    with desk.database.session() as session:
        session.execute(sa.text("update alembic_version set version_num = '9999'"))
    refused = start(desk, DATABASE_URL=desk.database.engine.url.render_as_string())
    assert refused.returncode == 78
    assert "the database is newer than this code (revision 9999)" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_site_starts_while_the_database_does_not_answer(make_app: Callable[..., Flask]) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    assert start(Desk(make_app()), DATABASE_URL=url).stdout == "serving\n"
