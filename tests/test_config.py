"""Settings: all faults at once, no secret shown, nothing half-safe in production."""

import os
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app import create_app
from app.clinic import ClinicError
from config import ROOT, SECRETS, Settings, SettingsError

KEY = Fernet.generate_key().decode()
DEVELOPMENT = {"APP_ENV": "development", "SECRET_KEY": "s" * 32, "DATA_KEYS": KEY}
PRODUCTION = {
    "SECRET_KEY": "s" * 32,
    "DATA_KEYS": KEY,
    "BASE_URL": "https://clinic.example",
    "MAIL_SERVER": "smtp.clinic.example",
    "MAIL_DEFAULT_SENDER": "web@clinic.example",
}


def faults(environ: dict[str, str]) -> list[str]:
    """The report's lines after its heading."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "These settings are wrong:"
    return [line.strip() for line in lines]


def names(environ: dict[str, str]) -> set[str]:
    return {line.split(":")[0] for line in faults(environ)}


def test_every_fault_is_told_at_once() -> None:
    wrong = {
        "SECRET_KEY": "short",
        "PORT": "eight",
        "MAIL_USE_TLS": "perhaps",
        "DATABASE_URL": "mysql://host/name",
        "BASE_URL": "clinic.example",
        "MAIL_USERNAME": "web",
        "TRUSTED_PROXIES": "9",
    }
    assert names(wrong) == {
        "SECRET_KEY",
        "DATA_KEYS",
        "PORT",
        "MAIL_USE_TLS",
        "DATABASE_URL",
        "BASE_URL",
        "TRUSTED_PROXIES",
        "MAIL_USERNAME and MAIL_PASSWORD",
        "MAIL_SERVER",
        "MAIL_DEFAULT_SENDER",
    }


def test_nothing_set_at_all_means_production_and_names_what_it_needs() -> None:
    assert faults({}) == [
        "BASE_URL: missing",
        "MAIL_SERVER: missing",
        "MAIL_DEFAULT_SENDER: missing",
        "SECRET_KEY: missing",
        "DATA_KEYS: missing",
    ]


@pytest.mark.parametrize("query", ["journal_mode=off", "mode=memory", "journal_mode=delete&x=y"])
def test_nothing_but_the_journal_is_chosen_behind_an_sqlite_file(query: str) -> None:
    [fault] = faults({**PRODUCTION, "DATABASE_URL": f"sqlite:////srv/file.db?{query}"})
    assert fault == "DATABASE_URL: behind an SQLite file only ?journal_mode=delete is known"


def test_faults_that_two_settings_make_are_told_beside_the_others() -> None:
    short = {"SECRET_KEY": "short", "BASE_URL": "http://clinic.example", "MAIL_PORT": "none"}
    told = faults({**PRODUCTION, **short})
    assert "SECRET_KEY: must have at least 32 characters, not 5" in told
    assert "BASE_URL: must start with https:// in production" in told
    assert len(told) == 3


def test_an_empty_variable_counts_as_not_set() -> None:
    assert faults({**PRODUCTION, "SECRET_KEY": ""}) == ["SECRET_KEY: missing"]


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_shown_whatever_is_wrong_with_it(name: str) -> None:
    secret = "hunter2-" + "é" * 5
    environ = {**DEVELOPMENT, "PORT": "0", name: secret}
    assert "hunter2" not in "".join(faults(environ))
    if name != "SECRET_KEY":  # a good one of the others stays hidden as well
        assert KEY not in repr(Settings.from_env(DEVELOPMENT))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    values = {
        "SECRET_KEY": "f" * 40,
        "DATA_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": "sqlite:///file.db",
        "MAIL_PASSWORD": "from the file",
        "RATELIMIT_STORAGE_URI": "redis://file",
        "ALERT_WEBHOOK_URL": "https://hooks.example/file",
        "HEARTBEAT_URL": "https://pings.example/file",
        "METRICS_TOKEN": "long, from the file",
    }
    file = tmp_path / "secret"
    file.write_text(values[name] + "\n")
    environ = {k: v for k, v in DEVELOPMENT.items() if k != name}
    login = {"MAIL_USERNAME": "web"} if name == "MAIL_PASSWORD" else {}
    settings = Settings.from_env({**environ, **login, f"{name}_FILE": str(file)})
    assert getattr(settings, name.lower()).get_secret_value() == values[name]


def test_an_empty_file_of_a_secret_counts_as_not_set(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n")
    settings = Settings.from_env({**DEVELOPMENT, "MAIL_PASSWORD_FILE": str(file)})
    assert settings.mail_password.get_secret_value() == ""
    without = {k: v for k, v in DEVELOPMENT.items() if k != "SECRET_KEY"}
    assert names({**without, "SECRET_KEY_FILE": str(file)}) == {"SECRET_KEY"}


def test_a_secret_given_twice_or_in_no_file_is_a_fault(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    environ = {**DEVELOPMENT, "SECRET_KEY_FILE": str(missing), "MAIL_PASSWORD_FILE": str(missing)}
    said = faults(environ)
    assert "SECRET_KEY and SECRET_KEY_FILE: set only one of them" in said
    assert f"MAIL_PASSWORD_FILE: cannot read {missing} (FileNotFoundError)" in said


def test_only_tls_that_makes_sense() -> None:
    both = {"MAIL_USE_TLS": "true", "MAIL_USE_SSL": "true"}
    assert "at most one" in faults({**DEVELOPMENT, **both})[0]
    assert Settings.from_env({**DEVELOPMENT, "MAIL_USE_SSL": "true"}).mail_use_ssl


def test_production_sends_mail_in_the_clear_only_to_this_machine() -> None:
    clear = {**PRODUCTION, "MAIL_USE_TLS": "false"}
    assert names(clear) == {"MAIL_USE_TLS"}
    for here in ("localhost", "127.0.0.1", "::1"):
        Settings.from_env({**clear, "MAIL_SERVER": here})


@pytest.mark.parametrize("notify", ["full", "contact"])
@pytest.mark.parametrize("base", [DEVELOPMENT, PRODUCTION])
def test_what_visitors_write_is_never_sent_in_the_clear(base: dict[str, str], notify: str) -> None:
    clear = {**base, "MAIL_SERVER": "smtp.clinic.example", "MAIL_USE_TLS": "false"}
    (fault,) = faults({**clear, "NOTIFY": notify})
    assert fault == (
        "MAIL_USE_TLS: must be on unless MAIL_SERVER is this machine:"
        f" NOTIFY={notify} sends what visitors write"
    )
    Settings.from_env({**clear, "NOTIFY": "minimal"})
    login = {"MAIL_USERNAME": "web", "MAIL_PASSWORD": "hunter2"}
    (fault,) = faults({**clear, "NOTIFY": "minimal", **login})
    assert "MAIL_PASSWORD" in fault
    assert "hunter2" not in fault


def test_an_unknown_mode_is_told_with_the_known_ones() -> None:
    (fault,) = faults({**DEVELOPMENT, "NOTIFY": "most"})
    assert fault == "NOTIFY: Input should be 'full', 'contact' or 'minimal'"


def test_production_wants_https() -> None:
    assert names({**PRODUCTION, "BASE_URL": "http://clinic.example"}) == {"BASE_URL"}


def test_production_refuses_the_demo_clinic(tmp_path: Path) -> None:
    settings = Settings.from_env({**PRODUCTION, "INSTANCE_DIR": str(tmp_path)})
    with pytest.raises(ClinicError, match="this is the demo clinic"):
        create_app(settings)


def test_keys_may_be_rotated() -> None:
    older = Fernet.generate_key().decode()
    settings = Settings.from_env({**DEVELOPMENT, "DATA_KEYS": f"{KEY}, {older}"})
    assert settings.data_key_list == (KEY, older)


def test_the_surroundings_of_the_tests_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PORT", "1234")
    assert Settings.from_env(DEVELOPMENT).port == 8000


# What .env.example says ------------------------------------------------------------

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
# Read by gunicorn.conf.py and `make run`, which stand outside Settings.
OTHERS = {"WEB_CONCURRENCY", "WEB_THREADS", "MAILBOX_PORT"}


def shown() -> dict[str, str]:
    """The variables of .env.example with the defaults it shows."""
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_example_shows_every_setting_and_no_other() -> None:
    assert set(shown()) - OTHERS == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_defaults() -> None:
    said = {name: value for name, value in shown().items() if value and name not in OTHERS}
    folders = {"INSTANCE_DIR", "CLINIC_DIR"}
    for name in folders:
        said[name] = str(ROOT / said[name])
    settings = Settings.from_env({**PRODUCTION, **said})
    for name, field in Settings.model_fields.items():
        if name.upper() in said:
            assert getattr(settings, name) == field.default, name


def test_the_example_says_of_each_secret_that_it_may_stand_in_a_file() -> None:
    heading = EXAMPLE.partition("# ---")[0]
    assert all(name in heading for name in SECRETS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATELIMIT_STORAGE_URI", "redi://:hunter2@cache:6379"),
        ("BASE_URL", "https://clinic.example/path"),
        ("MAIL_DEFAULT_SENDER", "Clinic <hunter2@clinic.example>"),
        ("MAIL_DEFAULT_SENDER", "büro@clinic.example"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_the_start(name: str, value: str) -> None:
    (fault,) = faults({**DEVELOPMENT, name: value})
    assert fault.startswith(f"{name}: must ")
    assert "hunter2" not in fault
