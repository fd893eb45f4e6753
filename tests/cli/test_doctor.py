"""The doctor looks at everything, says what to do, and is not felled by what is broken."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask

from app import clock
from app.clinic import Clinic
from app.database import Database
from app.diagnostics import database
from app.diagnostics.environment import (
    check_alert_channels,
    check_backup_age,
    check_clinic_settings,
    check_disk,
)
from app.diagnostics.result import Level
from app.maintenance import encryption_keys
from app.maintenance.backup import record_backup
from app.services import services_of
from config import ROOT
from tests.support.certificate import write_self_signed_certificate
from tests.support.name_server import NameServer, name_server
from tests.support.outbox import Outbox
from tests.support.settings import environment, settings_for
from tests.support.site import free_port
from tests.support.smtp_relay import Relay, relay

__all__ = ["name_server", "relay"]

NOWHERE = "postgresql+psycopg://someone:hush-hush@127.0.0.1:9/none"
pytestmark = pytest.mark.usefixtures("name_server")


class Doctor:
    """A site with a doctor at its terminal."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.database: Database = services_of(app).database

    def run(self, *options: str) -> Result:
        return self.app.test_cli_runner().invoke(args=["doctor", *options])

    def findings(self, *options: str) -> dict[str, tuple[str, str]]:
        """Level and words of each part."""
        found = json.loads(self.run("--json", *options).stdout)
        return {
            one["check"]: (one["level"], f"{one['message']} | {one['advice']}") for one in found
        }


@pytest.fixture
def doctor(
    make_app: Callable[..., Flask], database_url: str, relay: Relay
) -> Callable[..., Doctor]:
    def make(**env: str) -> Doctor:
        usual = {
            "DATABASE_URL": database_url,
            "MAIL_SERVER": "localhost",
            "MAIL_PORT": str(relay.port),
            "MAIL_USE_TLS": "false",
            "MAIL_DEFAULT_SENDER": "no-reply@clinic.example",
        }
        return Doctor(make_app(**{**usual, **env}))

    return make


def heal(doctor: Doctor, names: NameServer) -> None:
    """What is missing on a new machine."""
    encryption_keys.register_newest_key(doctor.database)
    outbox = Outbox(doctor.app)
    outbox.now = datetime.now(UTC)
    outbox.heartbeat()
    names.texts = {
        "clinic.example": ["some-site-verification=1", "v=spf1 include:relay.example -all"],
        "_dmarc.clinic.example": ["v=DMARC1; p=reject"],
        "one._domainkey.clinic.example": ["v=DKIM1; p=AAAA"],
    }
    record_backup(doctor.database, datetime.now(UTC))


def test_a_site_in_good_health(doctor: Callable[..., Doctor], name_server: NameServer) -> None:
    patient = doctor(
        ALERT_WEBHOOK_URL="http://127.0.0.1:9/hook", HEARTBEAT_URL="http://127.0.0.1:9/ping"
    )
    heal(patient, name_server)
    findings = patient.findings()
    # The demo clinic is no clinic, and nobody has signed its pages.
    assert {part for part, (level, _) in findings.items() if level != "ok"} == {"clinic", "review"}
    result = patient.run()
    assert result.exit_code == 0
    assert "Failed: 0, warnings: 2" in result.output
    for words in (
        "a commit is on disk",
        "at the newest revision",
        "they open all that is sealed",
        "0 waiting, 0 undelivered",
        "answers, no TLS, no login",
        "v=spf1 include:relay.example -all",
        "v=DMARC1; p=reject",
        "webhook, ping, daily digest",
    ):
        assert words in result.output
    assert "127.0.0.1:9" not in result.output


def test_it_sends_nothing_unless_told_to(doctor: Callable[..., Doctor], relay: Relay) -> None:
    doctor().run()
    assert relay.received == []


def test_a_test_mail_really_goes_out(doctor: Callable[..., Doctor], relay: Relay) -> None:
    found = doctor().findings("--send-test", "me@clinic.example")
    assert found["test mail"][0] == "ok"
    (taken,) = relay.received
    assert taken.recipients == ("me@clinic.example",)
    assert taken.message["Subject"].startswith("Test mail from")


def test_a_test_mail_that_is_refused_is_a_fault(
    doctor: Callable[..., Doctor], relay: Relay
) -> None:
    relay.script = {"rcpt": "550 unknown"}
    level, words = doctor().findings("--send-test", "me@clinic.example")["test mail"]
    assert level == "failed"
    assert "550" in words


def test_a_bad_address_for_the_test_mail_is_one_line(
    doctor: Callable[..., Doctor], relay: Relay
) -> None:
    result = doctor().run("--send-test", "nonsense")
    assert result.exit_code == 2
    assert "Error: Invalid value for '--send-test'" in result.output
    assert relay.connections == 0


def test_a_wrong_password_is_a_fault(doctor: Callable[..., Doctor], relay: Relay) -> None:
    relay.login, relay.script = True, {"auth": "535 5.7.8 no such luck"}
    patient = doctor(MAIL_USERNAME="desk", MAIL_PASSWORD="hush-hush")
    level, words = patient.findings()["mail server"]
    assert level == "failed"
    assert "no such luck | Correct MAIL_USERNAME and MAIL_PASSWORD" in words
    result = patient.run()
    assert result.exit_code == 1
    assert "hush-hush" not in result.output


def test_a_certificate_nobody_vouches_for_is_a_fault(
    doctor: Callable[..., Doctor], relay: Relay, tmp_path: Path
) -> None:
    write_self_signed_certificate(tmp_path / "relay.pem")
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(tmp_path / "relay.pem")
    level, words = doctor(MAIL_USE_TLS="true").findings()["mail server"]
    assert level == "failed"
    assert "CERTIFICATE_VERIFY_FAILED" in words
    assert "certificate is made out to" in words


def test_a_relay_that_is_gone_is_a_fault(doctor: Callable[..., Doctor]) -> None:
    level, words = doctor(MAIL_PORT=str(free_port())).findings()["mail server"]
    assert level == "failed"
    assert "MAIL_PORT" in words


def test_an_unmigrated_database_is_a_fault(
    make_app: Callable[..., Flask], empty_database_url: str, relay: Relay
) -> None:
    app = make_app(DATABASE_URL=empty_database_url, MAIL_PORT=str(relay.port), MAIL_USE_TLS="false")
    findings = Doctor(app).findings()
    assert findings["migrations"][0] == "failed"
    assert "flask --app wsgi db upgrade" in findings["migrations"][1]
    assert findings["database"][0] == findings["mail server"][0] == "ok"


def test_a_database_that_does_not_answer_is_a_line_and_the_rest_is_looked_at(
    doctor: Callable[..., Doctor],
) -> None:
    patient = doctor(DATABASE_URL=NOWHERE)
    findings = patient.findings()
    assert findings["database"][0] == "failed"
    assert "DATABASE_URL" in findings["database"][1]
    assert findings["mail server"][0] == "ok"
    result = patient.run()
    assert result.exit_code == 1
    assert "hush-hush" not in result.output
    assert "Traceback" not in result.output


def test_postgresql_without_fsync_is_a_fault(
    doctor: Callable[..., Doctor], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = doctor(DATABASE_URL=postgres_url)
    asked = database._asker
    monkeypatch.setattr(
        database,
        "_asker",
        lambda *args: lambda name: "off" if name == "full_page_writes" else asked(*args)(name),
    )
    assert "full_page_writes off" in patient.findings()["database"][1]


def test_a_missing_key_is_a_fault(doctor: Callable[..., Doctor]) -> None:
    patient = doctor()
    encryption_keys.register_newest_key(patient.database)
    level, words = doctor(ENCRYPTION_KEYS=Fernet.generate_key().decode()).findings()["keys"]
    assert level == "failed"
    assert "a key is missing" in words


def test_an_undelivered_mail_and_a_silent_mailer_are_faults(doctor: Callable[..., Doctor]) -> None:
    patient = doctor()
    Outbox(patient.app).add(state="dead")
    findings = patient.findings()
    assert findings["outbox"] == (
        "failed",
        (
            "1 mail could not be delivered | `flask outbox list` says why; mend it, then"
            " `flask outbox requeue`"
        ),
    )
    assert findings["mailer"][0] == "failed"


def test_a_clock_that_is_behind_what_was_written_is_a_fault(
    doctor: Callable[..., Doctor], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = doctor()
    monkeypatch.setattr(clock, "now", lambda: datetime(2021, 1, 1, tzinfo=UTC))
    assert patient.findings()["clock"][0] == "failed"


def test_a_host_whose_clock_differs_from_the_databases_is_warned(
    make_app: Callable[..., Flask], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Doctor(make_app(DATABASE_URL=postgres_url, MAIL_USE_TLS="false"))
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    level, words = patient.findings()["clock"]
    assert level == "warning"
    assert "s from this machine's" in words


def test_when_nobody_would_hear_of_trouble_it_says_so(tmp_path: Path, clinic: Clinic) -> None:
    none = check_alert_channels(settings_for(tmp_path), clinic)
    assert (none.level, none.advice.split(",")[0]) == ("warning", "Set ALERT_WEBHOOK_URL")
    hook = check_alert_channels(
        settings_for(tmp_path, ALERT_WEBHOOK_URL="https://h.example"), clinic
    )
    assert (hook.level, hook.advice) == ("warning", "Set HEARTBEAT_URL")
    ping = check_alert_channels(settings_for(tmp_path, HEARTBEAT_URL="https://h.example"), clinic)
    assert ping.level == "ok"


@pytest.mark.parametrize(
    ("days", "level"), [(None, "warning"), (0, "ok"), (7.9, "ok"), (8.1, "warning")]
)
def test_the_age_of_the_backup(
    doctor: Callable[..., Doctor], days: float | None, level: str
) -> None:
    database, now = doctor().database, datetime.now(UTC)
    if days is not None:
        record_backup(database, now - timedelta(days=days))
    assert check_backup_age(database, now).level == level


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "none").level == "failed"
    assert check_disk(tmp_path).level in ("ok", "warning")


def test_pages_that_no_clinician_has_read_are_warned_of(clinic: Clinic) -> None:
    assert [one.check for one in check_clinic_settings(clinic)] == ["clinic", "review"]


def test_without_a_digest_the_idle_screening_is_warned_of(clinic: Clinic) -> None:
    [found] = [
        one
        for one in check_clinic_settings(clinic.model_copy(update={"digest": None}))
        if one.check == "screening"
    ]
    assert (found.level, found.message) == (
        Level.WARNING,
        "idle: no digest would tell of what is held",
    )
    assert "[digest]" in found.advice


def _run(*command: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_wrong_settings_are_lines_for_people_and_for_programs(tmp_path: Path) -> None:
    wrong = environment(tmp_path, ENCRYPTION_KEYS="hush-hush", MAIL_PORT="none")
    people = _run("app.cli.doctor", **wrong)
    assert people.returncode == 1
    assert "failed   settings     ENCRYPTION_KEYS: must be 32 bytes" in people.stdout
    assert "failed   settings     MAIL_PORT:" in people.stdout
    assert "ok       clinic" in people.stdout
    programs = json.loads(_run("app.cli.doctor", "--json", **wrong).stdout)
    assert [one["check"] for one in programs] == ["settings", "settings", "clinic", "the rest"]
    assert "hush-hush" not in people.stdout + str(programs)


def test_a_faulty_clinic_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text("name = 5\n")
    result = _run("app.cli.doctor", **environment(tmp_path, CLINIC_DIR=str(tmp_path)))
    assert result.returncode == 1
    assert "failed   clinic" in result.stdout
    assert "Traceback" not in result.stderr


def test_under_flask_wrong_settings_end_with_their_report(tmp_path: Path) -> None:
    wrong = environment(tmp_path, MAIL_PORT="none")
    result = _run("flask", "--app", "wsgi", "doctor", **wrong)
    assert result.returncode == 78
    assert "MAIL_PORT" in result.stderr
    assert "Traceback" not in result.stderr
