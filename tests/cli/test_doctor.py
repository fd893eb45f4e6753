"""``flask doctor`` checks everything, gives advice, and continues when something is broken."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask

from app import clock
from app.clinic.models import Notify
from app.database import Database, key_check_values
from app.diagnostics import database
from app.diagnostics.environment import check_disk
from app.http_calls import CallResult
from app.maintenance.backup import record_backup
from app.monitoring import readiness
from app.monitoring.observations import PING, record
from app.services import get_services
from config import ROOT, Settings
from tests.support.certificate import write_self_signed_certificate
from tests.support.name_server import NameServer, name_server
from tests.support.outbox import Outbox
from tests.support.settings import environment
from tests.support.site import free_port
from tests.support.smtp_relay import Relay, relay
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["name_server", "receiver", "relay"]

NOWHERE = "postgresql+psycopg://someone:hush-hush@127.0.0.1:9/none"
pytestmark = pytest.mark.usefixtures("name_server")


class Doctor:
    """``flask doctor`` of one site."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.database: Database = get_services(app).database

    def run(self, *options: str) -> Result:
        return self.app.test_cli_runner().invoke(args=["doctor", *options])

    def results(self, *options: str) -> dict[str, tuple[str, str]]:
        """Return the level and the text of each check."""
        results = json.loads(self.run("--json", *options).stdout)
        return {
            one["check"]: (one["level"], f"{one['message']} | {one['advice']}") for one in results
        }


@pytest.fixture
def doctor(make_app: Callable[..., Flask], relay: Relay) -> Callable[..., Doctor]:
    def make(**env: str) -> Doctor:
        usual = {
            "MAIL_SERVER": "localhost",
            "MAIL_PORT": str(relay.port),
            "MAIL_USE_TLS": "false",
            "MAIL_DEFAULT_SENDER": "no-reply@clinic.example",
        }
        return Doctor(make_app(**{**usual, **env}))

    return make


@pytest.fixture
def certified_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    certificate = tmp_path / "site.pem"
    write_self_signed_certificate(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    website = Receiver(certificate)
    yield website
    website.close()


def make_healthy(doctor: Doctor, names: NameServer) -> None:
    """Add what is missing on a new machine."""
    key_check_values.register_newest_key(doctor.database)
    outbox = Outbox(doctor.app)
    outbox.now = datetime.now(UTC)
    outbox.heartbeat()
    names.texts = {
        "clinic.example": ["some-site-verification=1", "v=spf1 include:relay.example -all"],
        "_dmarc.clinic.example": ["v=DMARC1; p=reject"],
        "one._domainkey.clinic.example": ["v=DKIM1; p=AAAA"],
    }
    record_backup(doctor.database, datetime.now(UTC), None)


def test_a_healthy_site(
    doctor: Callable[..., Doctor], database_url: str, name_server: NameServer, receiver: Receiver
) -> None:
    site = doctor(
        BASE_URL=receiver.url.removesuffix("/hook/secret-path"),
        DATABASE_URL=database_url,
        ALERT_URLS=receiver.alert_url,
        HEARTBEAT_URL=receiver.url,
    )
    make_healthy(site, name_server)
    site.run("--send-test", "me@clinic.example")
    results = site.results()
    # The demo clinic is not a real one: no mailboxes, and nobody has reviewed its pages.
    # Whether its dates have passed depends on the day.
    not_ok = {name for name, (level, _) in results.items() if level != "ok"} - {"hours"}
    assert not_ok == {"clinic", "mailboxes", "review"}
    result = site.run()
    assert result.exit_code == 0
    assert "Failed: 0, to do: 1, warnings: " in result.output
    for text in (
        "commits are durable",
        "at the newest revision",
        "all encrypted rows can be decrypted",
        "0 pending, 0 undelivered",
        "answers, no TLS, no login",
        "v=spf1 include:relay.example -all",
        "v=DMARC1; p=reject",
        "an inquiry can be stored",
        "is ready",
        "HEARTBEAT_URL is set",
    ):
        assert text in result.output
    assert "secret-path" not in result.output


def test_nothing_is_sent_without_send_test(
    doctor: Callable[..., Doctor], relay: Relay, receiver: Receiver
) -> None:
    results = doctor(ALERT_URLS=receiver.alert_url, HEARTBEAT_URL=receiver.url).results()
    assert relay.received == []
    assert receiver.calls == []
    assert results["alerts"][0] == results["ping"][0] == "ok"
    assert "address 1 (JSON); --send-test tries each" in results["alerts"][1]


def test_the_addresses_that_are_told_of_inquiries_are_checked(
    doctor: Callable[..., Doctor], receiver: Receiver
) -> None:
    site = doctor()
    services, test = get_services(site.app), ("--send-test", "me@clinic.example")
    phones = Notify(key="phones", url=receiver.alert_url)
    services.clinic = services.clinic.model_copy(update={"notify": (phones,)})
    assert site.results()["notify"] == ("ok", "phones (JSON); --send-test tries it | ")
    assert receiver.calls == []
    assert site.results(*test)["notify"] == ("ok", "phones (JSON) accepted the test | ")
    receiver.status = 500
    level, text = site.results(*test)["notify"]
    assert level == "failed"
    assert text.startswith("phones (JSON) did not accept the test: status 500 | Correct its url")
    chat = Notify(key="chat", url="slack://hunter2")
    services.clinic = services.clinic.model_copy(update={"notify": (chat,)})
    level, text = site.results()["notify"]
    assert level == "failed"
    assert text.startswith("chat: Apprise cannot use its address, so mailers do not start | ")
    assert "hunter2" not in text


def test_send_test_tries_the_alert_channels(
    doctor: Callable[..., Doctor], receiver: Receiver
) -> None:
    site = doctor(ALERT_URLS=receiver.alert_url, HEARTBEAT_URL=f"{receiver.url}/ping")
    results = site.results("--send-test", "me@clinic.example")
    assert [(call.method, call.path) for call in receiver.calls] == [
        ("POST", "/hook/secret-path"),
        ("GET", "/hook/secret-path/ping"),
    ]
    assert "This is a test" in receiver.bodies[0]["title"]
    assert results["alerts"][0] == results["ping"][0] == "ok"


def test_alert_channels_that_accept_nothing_fail(
    doctor: Callable[..., Doctor], receiver: Receiver
) -> None:
    site = doctor(ALERT_URLS=receiver.alert_url, HEARTBEAT_URL="http://127.0.0.1:9/secret")
    receiver.status = 410
    results = site.results("--send-test", "me@clinic.example")
    assert results["alerts"][0] == results["ping"][0] == "failed"
    result = site.run("--send-test", "me@clinic.example")
    assert result.exit_code == 1
    assert "secret" not in result.output


def test_a_ping_that_was_not_accepted_for_minutes_is_a_warning(
    doctor: Callable[..., Doctor], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = doctor()
    for minutes in (3, 0):
        now = datetime.now(UTC) - timedelta(minutes=minutes)
        with monkeypatch.context() as patch:
            patch.setattr(site.database, "now", lambda _session, now=now: now)
            record(site.database, PING, CallResult("ConnectionRefusedError"))
    level, text = site.results()["site"]
    assert level == "warning"
    assert "The ping is not accepted: ConnectionRefusedError" in text


def test_a_web_server_that_does_not_answer_fails(
    doctor: Callable[..., Doctor], receiver: Receiver
) -> None:
    site = doctor(BASE_URL=f"http://127.0.0.1:{receiver.server_port}")
    assert site.results()["website"][0] == "ok"
    assert receiver.calls[-1].path == "/readyz"
    receiver.status = 503
    assert "status 503" in site.results()["website"][1]
    receiver.close()
    level, text = site.results()["website"]
    assert level == "failed"
    assert "ConnectionRefusedError" in text


@pytest.mark.parametrize(
    ("proxies", "entries", "hsts", "expected"),
    [
        ("1", "1", True, ("ok", "1, as TRUSTED_PROXIES says")),
        ("0", "0", True, ("ok", "0, as TRUSTED_PROXIES says")),
        ("0", "1", True, ("warning", "has 1 entries in X-Forwarded-For, but TRUSTED_PROXIES is 0")),
        ("1", "2", True, ("warning", "visitors cannot be told apart | Correct it")),
        ("2", "1", True, ("warning", "but TRUSTED_PROXIES is 2")),
        ("1", "1", False, ("warning", "Let the proxy send X-Forwarded-Proto")),
    ],
)
def test_what_proxies_add_is_compared_with_the_settings(  # noqa: PLR0913, PLR0917
    doctor: Callable[..., Doctor],
    certified_receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    proxies: str,
    entries: str,
    hsts: bool,  # noqa: FBT001
    expected: tuple[str, str],
) -> None:
    certified_receiver.headers = {"X-Forwarded-For-Entries": entries}
    if hsts:
        certified_receiver.headers["Strict-Transport-Security"] = "max-age=1"
    url = f"https://localhost:{certified_receiver.server_port}"
    site = doctor(BASE_URL=url, TRUSTED_PROXIES=proxies)
    monkeypatch.setattr(Settings, "is_development", False)
    level, text = site.results()["proxies"]
    assert level == expected[0]
    assert expected[1] in text


@pytest.mark.parametrize(
    ("days", "name", "trusted", "expected"),
    [
        (15, "localhost", True, ("ok", "certificate until")),
        (13, "localhost", True, ("warning", "Check why the certificate is not renewed")),
        (-1, "localhost", True, ("failed", "SSLCertVerificationError")),
        (90, "127.0.0.1", True, ("failed", "SSLCertVerificationError")),
        (90, "localhost", False, ("failed", "Renew or correct the certificate")),
    ],
)
def test_the_certificate_of_the_website(  # noqa: PLR0913, PLR0917
    doctor: Callable[..., Doctor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: float,
    name: str,
    trusted: bool,  # noqa: FBT001
    expected: tuple[str, str],
) -> None:
    certificate = tmp_path / "site.pem"
    write_self_signed_certificate(certificate, days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    website = Receiver(certificate)
    try:
        level, text = doctor(BASE_URL=f"https://{name}:{website.server_port}").results()["website"]
    finally:
        website.close()
    assert level == expected[0]
    assert expected[1] in text


def test_a_missing_table_fails(doctor: Callable[..., Doctor]) -> None:
    site = doctor()
    with site.database.session() as session:
        session.connection().exec_driver_sql("ALTER TABLE acknowledgement_limit RENAME TO gone")
    level, text = site.results()["migrations"]
    assert level == "failed"
    assert "the table acknowledgement_limit cannot be read" in text


def test_a_database_that_cannot_be_written_fails(
    doctor: Callable[..., Doctor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MIN_FREE", 2**63)
    level, text = doctor().results()["storage"]
    assert level == "failed"
    assert "is full" in text


def test_the_disk_of_the_database_is_checked(doctor: Callable[..., Doctor], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "frontdesk.db").rename(tmp_path / "elsewhere" / "frontdesk.db")
    site = doctor(DATABASE_URL=f"sqlite:///{tmp_path}/elsewhere/frontdesk.db")
    assert f"free in {tmp_path}/elsewhere" in site.results()["disk"][1]


def test_send_test_sends_an_email(doctor: Callable[..., Doctor], relay: Relay) -> None:
    result = doctor().results("--send-test", "me@clinic.example")
    assert result["test email"][0] == "ok"
    (taken,) = relay.received
    assert taken.recipients == ("me@clinic.example",)
    assert taken.message["Subject"].startswith("Test email from")


def test_a_refused_test_email_fails(doctor: Callable[..., Doctor], relay: Relay) -> None:
    relay.script = {"rcpt": "550 5.1.1 unknown"}
    level, text = doctor().results("--send-test", "me@clinic.example")["test email"]
    assert level == "failed"
    assert "550" in text


def test_an_invalid_address_for_the_test_email_is_an_error(
    doctor: Callable[..., Doctor], relay: Relay
) -> None:
    result = doctor().run("--send-test", "nonsense")
    assert result.exit_code == 2
    assert "Error: Invalid value for '--send-test'" in result.output
    assert relay.connections == 0


def test_a_wrong_password_fails(doctor: Callable[..., Doctor], relay: Relay) -> None:
    relay.login, relay.script = True, {"auth": "535 5.7.8 no such luck"}
    site = doctor(MAIL_USERNAME="desk", MAIL_PASSWORD="hush-hush")
    level, text = site.results()["mail server"]
    assert level == "failed"
    assert ": 535 5.7.8 no such luck | Correct MAIL_USERNAME and MAIL_PASSWORD" in text
    result = site.run()
    assert result.exit_code == 1
    assert "hush-hush" not in result.output


def test_an_untrusted_certificate_fails(
    doctor: Callable[..., Doctor], relay: Relay, tmp_path: Path
) -> None:
    write_self_signed_certificate(tmp_path / "relay.pem")
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(tmp_path / "relay.pem")
    level, text = doctor(MAIL_USE_TLS="true").results()["mail server"]
    assert level == "failed"
    assert "CERTIFICATE_VERIFY_FAILED" in text
    assert "name in the server's certificate" in text


def test_an_unreachable_mail_server_fails(doctor: Callable[..., Doctor]) -> None:
    level, text = doctor(MAIL_PORT=str(free_port())).results()["mail server"]
    assert level == "failed"
    assert "MAIL_PORT" in text


def test_a_database_without_migrations_fails(
    make_app: Callable[..., Flask], empty_database_url: str, relay: Relay
) -> None:
    app = make_app(DATABASE_URL=empty_database_url, MAIL_PORT=str(relay.port), MAIL_USE_TLS="false")
    results = Doctor(app).results()
    assert results["migrations"][0] == "failed"
    assert "flask db upgrade" in results["migrations"][1]
    assert results["database"][0] == results["mail server"][0] == "ok"


def test_an_unavailable_database_fails_and_other_checks_run(
    doctor: Callable[..., Doctor],
) -> None:
    site = doctor(DATABASE_URL=NOWHERE)
    results = site.results()
    assert results["database"][0] == "failed"
    assert "DATABASE_URL" in results["database"][1]
    assert results["mail server"][0] == "ok"
    result = site.run()
    assert result.exit_code == 1
    assert "hush-hush" not in result.output
    assert "Traceback" not in result.output


def test_postgresql_without_full_page_writes_fails(
    doctor: Callable[..., Doctor], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = doctor(DATABASE_URL=postgres_url)
    original = database._setting_getter
    monkeypatch.setattr(
        database,
        "_setting_getter",
        lambda *args: lambda name: "off" if name == "full_page_writes" else original(*args)(name),
    )
    assert "full_page_writes off" in site.results()["database"][1]


def test_a_missing_key_fails(doctor: Callable[..., Doctor]) -> None:
    site = doctor()
    key_check_values.register_newest_key(site.database)
    level, text = doctor(ENCRYPTION_KEYS=Fernet.generate_key().decode()).results()["keys"]
    assert level == "failed"
    assert "a key is missing" in text


def test_rows_that_no_key_decrypts_fail(doctor: Callable[..., Doctor], database_url: str) -> None:
    site = doctor(DATABASE_URL=database_url)
    key_check_values.register_newest_key(site.database)
    outbox = Outbox(site.app)
    outbox.add()
    assert site.results()["keys"][0] == "ok"
    outbox.add(encrypted_message=Fernet(Fernet.generate_key()).encrypt(b"{}"))
    level, text = site.results()["keys"]
    assert level == "failed"
    assert "no key decrypts 1 of the newest inquiries and waiting emails" in text


def test_an_undelivered_message_and_a_missing_mailer_fail(doctor: Callable[..., Doctor]) -> None:
    site = doctor()
    Outbox(site.app).add(state="dead")
    results = site.results()
    assert results["outbox"] == (
        "failed",
        (
            "1 message could not be delivered | `flask outbox list` shows why; fix the cause, then"
            " run `flask outbox requeue`"
        ),
    )
    assert results["mailer"][0] == "failed"


def test_a_clock_in_the_past_fails(
    doctor: Callable[..., Doctor], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = doctor()
    monkeypatch.setattr(clock, "now", lambda: datetime(2021, 1, 1, tzinfo=UTC))
    assert site.results()["clock"][0] == "failed"


def test_a_clock_that_differs_from_the_databases_is_a_warning(
    make_app: Callable[..., Flask], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Doctor(make_app(DATABASE_URL=postgres_url, MAIL_USE_TLS="false"))
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    level, text = site.results()["clock"]
    assert level == "warning"
    assert "s from this machine's" in text


def test_missing_alert_channels_are_a_warning(doctor: Callable[..., Doctor]) -> None:
    results = doctor().results()
    assert results["alerts"] == ("warning", "ALERT_URLS is not set | Set it")
    assert results["ping"] == ("warning", "HEARTBEAT_URL is not set | Set it")


@pytest.mark.parametrize(
    ("days", "level"), [(None, "warning"), (0, "ok"), (7.9, "ok"), (8.1, "warning")]
)
def test_the_age_of_the_last_backup(
    doctor: Callable[..., Doctor], days: float | None, level: str
) -> None:
    site = doctor()
    if days is not None:
        record_backup(site.database, datetime.now(UTC) - timedelta(days=days), None)
    assert site.results()["backup"][0] == level


@pytest.mark.parametrize(("hours", "level"), [(2.9, "ok"), (3.1, "warning")])
def test_three_missed_backups_are_a_warning(
    doctor: Callable[..., Doctor], hours: float, level: str
) -> None:
    site = doctor()
    made = datetime.now(UTC) - timedelta(hours=hours)
    record_backup(site.database, made, timedelta(hours=1))
    assert site.results()["backup"][0] == level
    assert "three are missing" not in site.results()["outbox"][1], "listed once"


def test_a_missing_instance_folder_fails(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "none").level == "failed"
    assert check_disk(tmp_path).level in ("ok", "warning")


def run_flask(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_wrong_settings_are_explained(tmp_path: Path) -> None:
    wrong = environment(tmp_path, ENCRYPTION_KEYS="hush-hush", MAIL_PORT="none")
    text = run_flask("doctor", **wrong)
    assert text.returncode == 1
    assert "failed   settings     ENCRYPTION_KEYS: must be 32 bytes" in text.stdout
    assert "failed   settings     MAIL_PORT:" in text.stdout
    assert "warning  other checks" in text.stdout
    assert "hush-hush" not in text.stdout


def test_an_invalid_clinic_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text("name = 5\n")
    result = run_flask("doctor", **environment(tmp_path, CLINIC_DIR=str(tmp_path)))
    assert result.returncode == 1
    assert "failed   clinic" in result.stdout
    assert "Traceback" not in result.stderr


def test_other_commands_end_with_a_report_of_wrong_settings(tmp_path: Path) -> None:
    wrong = environment(tmp_path, MAIL_PORT="none")
    result = run_flask("status", **wrong)
    assert result.returncode == 78
    assert "MAIL_PORT" in result.stderr
    assert "Traceback" not in result.stderr
