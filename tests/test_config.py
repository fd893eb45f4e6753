"""Settings: all errors at once, no secret shown, the same ``.env`` for every program."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app import create_app
from app.clinic import ClinicError
from app.services import get_services
from config import ROOT, SECRET_NAMES, SETTING_NAMES, Settings, SettingsError
from tests.support.mail_services import certificate_pem, key_pem
from tests.support.settings import NO_ENV_FILE

KEY = Fernet.generate_key().decode()
DEVELOPMENT = {"APP_ENV": "development", "SECRET_KEY": "s" * 32, "ENCRYPTION_KEYS": KEY}
PRODUCTION = {
    "SECRET_KEY": "s" * 32,
    "ENCRYPTION_KEYS": KEY,
    "BASE_URL": "https://clinic.example",
    "TRUSTED_PROXIES": "1",
    "MAIL_SERVER": "smtp.clinic.example",
    "MAIL_DEFAULT_SENDER": "web@clinic.example",
}
SERVICE_ACCOUNT = {
    "client_email": "frontdesk@project.iam.gserviceaccount.com",
    "private_key": key_pem(),
    "token_uri": "https://oauth2.googleapis.com/token",
}
OAUTH2 = {**PRODUCTION, "MAIL_AUTH": "oauth2"}
MICROSOFT = {**OAUTH2, "MAIL_OAUTH_PROVIDER": "microsoft"}
GRAPH = {**PRODUCTION, "MAIL_TRANSPORT": "microsoft-graph"}
APPLICATION = {"MAIL_MICROSOFT_TENANT": "clinic.example", "MAIL_MICROSOFT_CLIENT_ID": "1-2-3"}
ONE_CREDENTIAL = "MAIL_MICROSOFT_CLIENT_SECRET and MAIL_MICROSOFT_CERTIFICATE: set one of them"
PROXIES_MISSING = (
    "TRUSTED_PROXIES: missing; 1 behind nginx or Caddy on this machine, 0 when nothing is in front"
)


def errors_of(environ: dict[str, str]) -> list[str]:
    """Return the lines of the report after its heading."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(environ)
    heading, *lines = str(raised.value).splitlines()
    assert heading == "Invalid settings:"
    return [line.strip() for line in lines]


def names(environ: dict[str, str]) -> set[str]:
    return {line.split(":")[0] for line in errors_of(environ)}


def test_every_error_is_reported_at_once() -> None:
    wrong = {
        "SECRET_KEY": "short",
        "PORT": "eight",
        "MAIL_USE_TLS": "perhaps",
        "WEB_CONCURRENCY": "many",
        "WEB_THREADS": "0",
        "DATABASE_URL": "mysql://host/name",
        "BASE_URL": "clinic.example",
        "MAIL_USERNAME": "web",
        "TRUSTED_PROXIES": "9",
    }
    assert names(wrong) == {
        "SECRET_KEY",
        "ENCRYPTION_KEYS",
        "PORT",
        "MAIL_USE_TLS",
        "WEB_CONCURRENCY",
        "WEB_THREADS",
        "DATABASE_URL",
        "BASE_URL",
        "TRUSTED_PROXIES",
        "MAIL_USERNAME and MAIL_PASSWORD",
        "MAIL_SERVER",
        "MAIL_DEFAULT_SENDER",
    }


def test_an_empty_environment_is_production_and_lists_the_required_settings() -> None:
    assert errors_of({}) == [
        "BASE_URL: missing",
        PROXIES_MISSING,
        "MAIL_SERVER: missing",
        "MAIL_DEFAULT_SENDER: missing",
        "SECRET_KEY: missing",
        "ENCRYPTION_KEYS: missing",
    ]


@pytest.mark.parametrize("query", ["journal_mode=off", "mode=memory", "journal_mode=delete&x=y"])
def test_journal_mode_is_the_only_option_of_a_sqlite_url(query: str) -> None:
    [error] = errors_of({**PRODUCTION, "DATABASE_URL": f"sqlite:////srv/file.db?{query}"})
    assert error == "DATABASE_URL: the only option of SQLite is ?journal_mode=delete"


def test_errors_between_two_settings_are_reported_with_the_others() -> None:
    short = {"SECRET_KEY": "short", "BASE_URL": "http://clinic.example", "MAIL_PORT": "none"}
    errors = errors_of({**PRODUCTION, **short})
    assert "SECRET_KEY: must have at least 32 characters, not 5" in errors
    assert "BASE_URL: must start with https:// in production" in errors
    assert len(errors) == 3


POSTGRES = "postgresql+psycopg://"
NOT_ESCAPED = "; a password in it needs %2F for /, %40 for @ and so on"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("hunter2", "is not a database URL"),
        (f"{POSTGRES}u:p@host:hunter2/name", "is not a database URL"),
        (f"{POSTGRES}u:pass@hunter2/word@host:5432/name", f"is not a database URL{NOT_ESCAPED}"),
        (f"{POSTGRES}u/hunter2:word@host/name", f"is not a database URL{NOT_ESCAPED}"),
        (f"{POSTGRES}u:p@host/name?hunter2=on", "has an option that PostgreSQL does not know"),
        (f"{POSTGRES}u:p@/name?host=a:1&host=b:hunter2", "has an option that PostgreSQL does not"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite://hunter2/file.db", "must name a file"),
    ],
)
def test_an_invalid_database_url_is_not_quoted(url: str, reason: str) -> None:
    [error] = errors_of({**DEVELOPMENT, "DATABASE_URL": url})
    assert error.startswith(f"DATABASE_URL: {reason}")
    assert "hunter2" not in error


@pytest.mark.parametrize(
    ("name", "written", "used"),
    [
        ("BASE_URL", "https://klinik-müller.example", "https://xn--klinik-mller-klb.example"),
        ("BASE_URL", "https://straße.example/", "https://xn--strae-oqa.example"),
        ("BASE_URL", " https://Clinic.Example.:443\t", "https://clinic.example"),
        ("BASE_URL", "https://clinic.example:8443?", "https://clinic.example:8443"),
        ("BASE_URL", "https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("EXTRA_HOSTS", "Web-1, ::1,müller.example", "web-1,[::1],xn--mller-kva.example"),
        ("STAFF_HOST", "Desk.Müller.example", "desk.xn--mller-kva.example"),
        ("HOST", "[::1]", "::1"),
        ("MAIL_SERVER", "[::1]", "::1"),
        ("MAIL_SERVER", "smtp.müller.example ", "smtp.xn--mller-kva.example"),
        ("MAIL_SERVER", "mail_relay", "mail_relay"),
        ("MAIL_DEFAULT_SENDER", "web@müller.example", "web@xn--mller-kva.example"),
        ("MAP_TILES_URL", "https://{s}.a.example/{z}/{x}/{y}{r}.png", None),
        ("DATABASE_URL", f"{POSTGRES}u:p%40s%2Fs@host/name?sslmode=require", None),
        ("RATELIMIT_STORAGE_URI", "rediss://u:p%2Fs@cache:6379/1?socket_timeout=2", None),
    ],
)
def test_a_value_is_used_as_programs_send_it(name: str, written: str, used: str | None) -> None:
    value = getattr(Settings.from_env({**DEVELOPMENT, name: written}), name.lower())
    assert getattr(value, "get_secret_value", lambda: value)() == (used or written)


def test_a_password_may_end_with_a_space() -> None:
    login = {"MAIL_USERNAME": "web ", "MAIL_PASSWORD": "a b "}
    settings = Settings.from_env({**DEVELOPMENT, **login})
    assert (settings.mail_username, settings.mail_password.get_secret_value()) == ("web", "a b ")


@pytest.mark.parametrize("name", ["a?b", "50%", "a%20b", "a#b", "ü ö"])
def test_any_folder_can_have_the_database(name: str, tmp_path: Path) -> None:
    settings = Settings.from_env({**DEVELOPMENT, "INSTANCE_DIR": str(tmp_path / name)})
    database = get_services(create_app(settings)).database
    assert database.folder == tmp_path / name
    (tmp_path / name).mkdir()
    with database.read_session() as session:
        session.connection()
    database.engine.dispose()
    assert (tmp_path / name / "frontdesk.db").exists()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert errors_of({**PRODUCTION, "SECRET_KEY": ""}) == ["SECRET_KEY: missing"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_no_error_shows_a_secret(name: str) -> None:
    secret = "hunter2-" + "é" * 5
    environ = {**DEVELOPMENT, "PORT": "0", name: secret}
    assert "hunter2" not in "".join(errors_of(environ))
    if name != "SECRET_KEY":  # valid secrets stay hidden too
        assert KEY not in repr(Settings.from_env(DEVELOPMENT))


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    values = {
        "SECRET_KEY": "f" * 40,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": "sqlite:///file.db",
        "MAIL_PASSWORD": "from the file",
        "MAIL_MICROSOFT_CLIENT_SECRET": "from the file",
        "MAIL_MICROSOFT_CERTIFICATE": certificate_pem().strip(),
        "MAIL_GOOGLE_SERVICE_ACCOUNT": json.dumps(SERVICE_ACCOUNT),
        "RATELIMIT_STORAGE_URI": "redis://file",
        "ALERT_URLS": "jsons://hooks.example/file",
        "HEARTBEAT_URL": "https://pings.example/file",
        "METRICS_TOKEN": "long, from the file",
    }
    file = tmp_path / "secret"
    file.write_text(values[name] + "\n")
    environ = {k: v for k, v in DEVELOPMENT.items() if k != name}
    login = {"MAIL_USERNAME": "web"} if name == "MAIL_PASSWORD" else {}
    settings = Settings.from_env({**environ, **login, f"{name}_FILE": str(file)})
    assert getattr(settings, name.lower()).get_secret_value() == values[name]


def test_an_empty_secret_file_counts_as_not_set(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n")
    settings = Settings.from_env({**DEVELOPMENT, "MAIL_PASSWORD_FILE": str(file)})
    assert settings.mail_password.get_secret_value() == ""
    without = {k: v for k, v in DEVELOPMENT.items() if k != "SECRET_KEY"}
    assert names({**without, "SECRET_KEY_FILE": str(file)}) == {"SECRET_KEY"}


def test_a_secret_set_twice_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    environ = {**DEVELOPMENT, "SECRET_KEY_FILE": str(missing), "MAIL_PASSWORD_FILE": str(missing)}
    errors = errors_of(environ)
    assert "SECRET_KEY and SECRET_KEY_FILE: set only one of them" in errors
    assert f"MAIL_PASSWORD_FILE: cannot read {missing} (FileNotFoundError)" in errors


@pytest.mark.parametrize(
    ("given", "password"),
    [
        ("abcd efgh\u00a0", "abcd efgh"),
        ("abcd\u00a0efgh\u202fijkl", "abcd efgh ijkl"),  # as a browser shows an app password
        ("\ufeff\u200bpässwörd\u200b\r\n", "pässwörd"),
    ],
)
def test_a_pasted_password_loses_what_nobody_can_see(
    given: str, password: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(given, encoding="utf-8")
    login = {**DEVELOPMENT, "MAIL_USERNAME": f"web{given[-1:]}"}
    for environ in ({"MAIL_PASSWORD": given}, {"MAIL_PASSWORD_FILE": str(file)}):
        settings = Settings.from_env({**login, **environ})
        assert settings.mail_password.get_secret_value() == password


@pytest.mark.parametrize("password", ["hunter2\nhunter3", "hunter2\x00", "hunter2\udce4", "\u00a0"])
def test_a_password_that_no_server_can_get_is_refused(password: str) -> None:
    login = {"MAIL_USERNAME": "web", "MAIL_PASSWORD": password}
    assert errors_of({**DEVELOPMENT, **login}) == [
        "MAIL_PASSWORD: must be one line of printable characters in UTF-8"
    ]


def test_a_byte_order_mark_in_a_secret_file_is_not_part_of_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("f" * 40, encoding="utf-8-sig")
    without = {k: v for k, v in DEVELOPMENT.items() if k != "SECRET_KEY"}
    settings = Settings.from_env({**without, "SECRET_KEY_FILE": str(file)})
    assert settings.secret_key.get_secret_value() == "f" * 40


@pytest.mark.parametrize(
    ("environ", "errors"),
    [
        (OAUTH2, ["MAIL_OAUTH_PROVIDER: missing; MAIL_AUTH=oauth2 needs it"]),
        (
            MICROSOFT,
            [
                "MAIL_MICROSOFT_TENANT: missing; MAIL_AUTH=oauth2 needs it",
                "MAIL_MICROSOFT_CLIENT_ID: missing; MAIL_AUTH=oauth2 needs it",
                ONE_CREDENTIAL,
            ],
        ),
        (
            {**GRAPH, **APPLICATION, "MAIL_MICROSOFT_CLIENT_SECRET": "hunter2",
             "MAIL_MICROSOFT_CERTIFICATE": certificate_pem(), "MAIL_PASSWORD": "hunter2"},
            [
                ONE_CREDENTIAL,
                "MAIL_PASSWORD: is not used with MAIL_TRANSPORT=microsoft-graph; remove it",
            ],
        ),
        (
            {**OAUTH2, "MAIL_OAUTH_PROVIDER": "google"},
            ["MAIL_GOOGLE_SERVICE_ACCOUNT: missing; MAIL_AUTH=oauth2 needs it"],
        ),
        (
            {**PRODUCTION, "MAIL_OAUTH_PROVIDER": "google"},
            ["MAIL_OAUTH_PROVIDER: has no effect without MAIL_AUTH=oauth2"],
        ),
        (
            {**PRODUCTION, "MAIL_TRANSPORT": "amazon-ses"},
            ["MAIL_SES_REGION: missing; MAIL_TRANSPORT=amazon-ses needs it"],
        ),
        (
            {**MICROSOFT, **APPLICATION, "MAIL_MICROSOFT_CLIENT_SECRET": "hunter2",
             "MAIL_USE_TLS": "false", "NOTIFICATION_DETAIL": "minimal"},
            [
                ("MAIL_USE_TLS: must be on unless MAIL_SERVER is this machine: an access token"
                " would be sent unencrypted")
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_way_to_send_lacks_is_listed(environ: dict[str, str], errors: list[str]) -> None:
    assert errors_of(environ) == errors


def test_only_smtp_needs_a_server() -> None:
    without_server = {name: value for name, value in GRAPH.items() if name != "MAIL_SERVER"}
    secret = {"MAIL_MICROSOFT_CLIENT_SECRET": "hunter2"}
    assert Settings.from_env({**without_server, **APPLICATION, **secret}).mail_server == ""


def test_amazon_ses_without_boto3_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.find_spec", lambda _name: None)
    environ = {**PRODUCTION, "MAIL_TRANSPORT": "amazon-ses", "MAIL_SES_REGION": "us-east-1"}
    (error,) = errors_of(environ)
    assert "pip install --require-hashes -r requirements-ses.txt" in error


def test_only_one_kind_of_tls_can_be_on() -> None:
    both = {"MAIL_USE_TLS": "true", "MAIL_USE_SSL": "true"}
    assert "only one of them" in errors_of({**DEVELOPMENT, **both})[0]
    assert Settings.from_env({**DEVELOPMENT, "MAIL_USE_SSL": "true"}).mail_use_ssl


def test_production_sends_email_without_tls_only_to_this_machine() -> None:
    clear = {**PRODUCTION, "MAIL_USE_TLS": "false"}
    assert names(clear) == {"MAIL_USE_TLS"}
    for here in ("localhost", "127.0.0.1", "::1"):
        Settings.from_env({**clear, "MAIL_SERVER": here})


@pytest.mark.parametrize("detail", ["full", "contact"])
@pytest.mark.parametrize("base", [DEVELOPMENT, PRODUCTION])
def test_visitor_data_is_not_sent_without_tls(base: dict[str, str], detail: str) -> None:
    clear = {**base, "MAIL_SERVER": "smtp.clinic.example", "MAIL_USE_TLS": "false"}
    (error,) = errors_of({**clear, "NOTIFICATION_DETAIL": detail})
    assert error == (
        "MAIL_USE_TLS: must be on unless MAIL_SERVER is this machine:"
        f" NOTIFICATION_DETAIL={detail} sends what visitors write"
    )
    Settings.from_env({**clear, "NOTIFICATION_DETAIL": "minimal"})
    login = {"MAIL_USERNAME": "web", "MAIL_PASSWORD": "hunter2"}
    (error,) = errors_of({**clear, "NOTIFICATION_DETAIL": "minimal", **login})
    assert "MAIL_PASSWORD" in error
    assert "hunter2" not in error


def test_an_unknown_choice_is_reported_with_the_known_ones() -> None:
    (error,) = errors_of({**DEVELOPMENT, "NOTIFICATION_DETAIL": "most"})
    assert error == "NOTIFICATION_DETAIL: Input should be 'full', 'contact' or 'minimal'"


def test_production_requires_https() -> None:
    assert names({**PRODUCTION, "BASE_URL": "http://clinic.example"}) == {"BASE_URL"}


def test_production_refuses_the_demo_clinic(tmp_path: Path) -> None:
    settings = Settings.from_env({**PRODUCTION, "INSTANCE_DIR": str(tmp_path)})
    with pytest.raises(ClinicError, match="this is the demo clinic"):
        create_app(settings)


def test_encryption_keys_can_be_rotated() -> None:
    older = Fernet.generate_key().decode()
    settings = Settings.from_env({**DEVELOPMENT, "ENCRYPTION_KEYS": f"{KEY}, {older}"})
    assert settings.encryption_key_list == (KEY, older)


def test_an_explicit_environment_ignores_the_process_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "PORT", "1234")
    assert Settings.from_env(DEVELOPMENT).port == 8000


# The settings file -----------------------------------------------------------------

# Text in the file, and the value it stands for.
WRITTEN = {
    "a$b$(id)$HOME": "a$b$(id)$HOME",
    "a&b;c|d`id`": "a&b;c|d`id`",
    'it\'s "so"': 'it\'s "so"',
    '"two words"': "two words",
    "'a $b \"c\" # d'": 'a $b "c" # d',
    "  two words  ": "two words",
    "a#b": "a#b",
    "a # comment": "a",
    "a=b==": "a=b==",
    "påßwörd-✓": "påßwörd-✓",
    r"a\b\n": r"a\b\n",
}


def env_file(folder: Path, *lines: str, **values: str) -> str:
    """Write a settings file with ``values`` unchanged, and return its path."""
    file = folder / "settings.env"
    all_lines = [*(f"{name}={value}" for name, value in values.items()), *lines]
    file.write_text("\n".join(all_lines) + "\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("written", WRITTEN)
def test_values_in_the_file_are_taken_literally(written: str, tmp_path: Path) -> None:
    login = {"MAIL_USERNAME": written, "MAIL_PASSWORD": "p"}
    settings = Settings.from_env({"ENV_FILE": env_file(tmp_path, **DEVELOPMENT, **login)})
    assert settings.mail_username == WRITTEN[written]


# A separate project with one .env file, read by a flask command and by gunicorn.
SHOW = """
import json
from config import Settings
settings = Settings.from_env()
values = [settings.mail_username, settings.mail_password.get_secret_value(),
          settings.metrics_token.get_secret_value(), settings.secret_key.get_secret_value()]
print(json.dumps(values))
"""
WSGI = """
from flask import Flask
app = Flask("site")
app.cli.command("show")(lambda: __import__("show"))
"""


def test_flask_and_gunicorn_read_the_same_values_from_a_file(tmp_path: Path) -> None:
    """The flask command also loads ``.env`` into the process environment by itself."""
    (tmp_path / "config.py").write_bytes((ROOT / "config.py").read_bytes())
    (tmp_path / "show.py").write_text(SHOW)
    (tmp_path / "wsgi.py").write_text(WSGI)
    (tmp_path / "gunicorn.conf.py").write_text("import show")
    written = {
        "MAIL_USERNAME": "a$b$(id)$HOME&c;`d`#e=f==\\n",
        "MAIL_PASSWORD": '"it\'s \\"so\\", # påßwörd"',
        "METRICS_TOKEN": "'a $b \"c\" & d # e = f'",
        "SECRET_KEY": f"{'s' * 40} # a comment",
    }
    Path(env_file(tmp_path, **{**DEVELOPMENT, **written})).rename(tmp_path / ".env")
    expected = [
        "a$b$(id)$HOME&c;`d`#e=f==\\n",
        'it\'s "so", # påßwörd',
        'a $b "c" & d # e = f',
        "s" * 40,
    ]
    for command in (("flask", "show"), ("gunicorn", "--check-config", "wsgi:app")):
        process = run(*command, folder=tmp_path)
        assert process.returncode == 0, process.stderr
        assert json.loads(process.stdout) == expected


def run(
    *command: str, folder: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an installed program with only the variables ``env``."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_flask_must_read_the_same_file_as_gunicorn(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_bytes((ROOT / "config.py").read_bytes())
    (tmp_path / "wsgi.py").write_text("import show\n" + WSGI)
    (tmp_path / "show.py").write_text(SHOW)
    other = env_file(tmp_path, **DEVELOPMENT, MAIL_SERVER="other")
    (tmp_path / ".env").write_text("MAIL_SERVER=default\n")
    refused = run("flask", "show", folder=tmp_path, env={"ENV_FILE": other})
    assert "ENV_FILE: also set FLASK_SKIP_DOTENV=1" in refused.stderr
    process = run(
        "flask", "show", folder=tmp_path, env={"ENV_FILE": other, "FLASK_SKIP_DOTENV": "1"}
    )
    assert process.returncode == 0, process.stderr


def test_a_byte_order_mark_is_no_part_of_a_name_or_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\ufeffs" + "s" * 31 + "\r\n", encoding="utf-8")
    values = {name: value for name, value in DEVELOPMENT.items() if name != "SECRET_KEY"}
    file = Path(env_file(tmp_path, f"SECRET_KEY_FILE={secret}", **values))
    file.write_text("\ufeff" + file.read_text(encoding="utf-8"), encoding="utf-8")
    settings = Settings.from_env({"ENV_FILE": str(file)})
    assert settings.secret_key.get_secret_value() == "s" * 32


def test_the_process_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = env_file(tmp_path, **DEVELOPMENT, PORT="1", MAIL_PORT="2", MAP_TILES_URL="")
    environ = {"ENV_FILE": file, "PORT": "3", "MAIL_PORT": ""}
    settings = Settings.from_env(environ)
    assert (settings.port, settings.mail_port, settings.map_tiles_url) == (3, 587, "")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("MAIL_SEVER=x", "MAIL_SEVER: unknown setting; did you mean MAIL_SERVER?"),
        ("SECRET_KEY_FIEL=x", "SECRET_KEY_FIEL: unknown setting; did you mean SECRET_KEY_FILE?"),
        ("HTTPS_PROXY=x", "HTTPS_PROXY: unknown setting"),
        (
            "METRICS_TOKEN=hunter2${HOME}hunter2",
            "METRICS_TOKEN: must not contain ${ in {file}; use METRICS_TOKEN_FILE",
        ),
        ("MAIL_SERVER='${HOST}'", "MAIL_SERVER: must not contain ${ in {file}"),
        ("hunter2", "{file}, line 6: must be NAME=value"),
        ("hunter2=", "{file}, line 6: must be NAME=value"),
        ("MAIL_PASSWORD='hunter2", "{file}, line 6: must be NAME=value"),
        ("mail_server=x", "{file}, line 6: must be NAME=value"),
        ("HUNTER2=", "{file}, line 6: unknown setting"),
        ("HUNTER2==", "{file}, line 6: unknown setting"),
    ],
)
def test_an_invalid_line_is_an_error_that_does_not_show_the_value(
    line: str, error: str, tmp_path: Path
) -> None:
    file = env_file(tmp_path, "# a comment", "", line, **DEVELOPMENT)
    assert errors_of({"ENV_FILE": file}) == [error.replace("{file}", file)]


def test_file_errors_and_setting_errors_are_reported_together(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.env")
    errors = errors_of({**DEVELOPMENT, "ENV_FILE": missing, "PORT": "0"})
    assert errors[0] == f"ENV_FILE: cannot read {missing} (FileNotFoundError)"
    assert errors[1].startswith("PORT: ")


@pytest.mark.parametrize("command", [("gunicorn", "--check-config"), ("flask", "status")])
def test_no_program_prints_part_of_a_secret(command: tuple[str, ...]) -> None:
    wrong = {
        "SECRET_KEY": "hunter2",
        "ENCRYPTION_KEYS": "hunter2",
        "DATABASE_URL": "postgresql+psycopg://u:p@host:hunter2/name",
        "RATELIMIT_STORAGE_URI": "redis://:hunter2/x@cache:6379",
        "HEARTBEAT_URL": "https://web:hunter2/x@pings.example",
        "MAIL_SERVER": "web:hunter2@smtp.example",
        "METRICS_TOKEN": "hunter2",
    }
    process = run(*command, env={**NO_ENV_FILE, **DEVELOPMENT, **wrong})
    assert process.returncode == 78
    for name in wrong:
        assert f"  {name}: " in process.stderr
    assert "hunter2" not in process.stderr + process.stdout
    assert "Traceback" not in process.stderr


def test_a_settings_error_has_no_context_to_leak() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({**DEVELOPMENT, "SECRET_KEY": "hunter2"})
    assert raised.value.__context__ is None


# .env.example ------------------------------------------------------------

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def shown() -> dict[str, str]:
    """Return the variables of .env.example with the defaults it shows."""
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_example_has_every_setting_and_no_other() -> None:
    assert set(shown()) == SETTING_NAMES


def test_the_example_shows_the_defaults() -> None:
    defaults = {name: value for name, value in shown().items() if value}
    for name in ("INSTANCE_DIR", "CLINIC_DIR"):
        defaults[name] = str(ROOT / defaults[name])
    settings = Settings.from_env({**PRODUCTION, **defaults})
    for name in defaults:
        assert getattr(settings, name.lower()) == Settings.model_fields[name.lower()].default, name


def test_the_example_names_each_secret_that_can_come_from_a_file() -> None:
    heading = EXAMPLE.partition("# ---")[0]
    assert all(name in heading for name in SECRET_NAMES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATELIMIT_STORAGE_URI", "redi://:hunter2@cache:6379"),
        ("RATELIMIT_STORAGE_URI", "redis://:hunter2/x@cache:6379"),
        ("RATELIMIT_STORAGE_URI", "redis://hunter2\u2100@cache:6379"),
        ("RATELIMIT_STORAGE_URI", "redis://:12/hunter2@cache:6379"),
        ("RATELIMIT_STORAGE_URI", "redis://cache/hunter2"),
        ("RATELIMIT_STORAGE_URI", "redis://cache/?socket_timeout=hunter2"),
        ("ALERT_URLS", "json://one.example hooks.example/hunter2"),
        ("HEARTBEAT_URL", "https://[hunter2"),
        ("MAIL_MICROSOFT_TENANT", "https://login.example/hunter2"),
        ("MAIL_SES_REGION", "hunter2.example/"),
        ("MAIL_MICROSOFT_CERTIFICATE", "hunter2"),
        ("MAIL_MICROSOFT_CERTIFICATE", key_pem()),
        ("MAIL_MICROSOFT_CERTIFICATE", certificate_pem()[len(key_pem()) :]),
        ("MAIL_GOOGLE_SERVICE_ACCOUNT", "hunter2"),
        ("MAIL_GOOGLE_SERVICE_ACCOUNT", json.dumps({**SERVICE_ACCOUNT, "private_key": "hunter2"})),
        ("MAIL_GOOGLE_SERVICE_ACCOUNT", json.dumps({**SERVICE_ACCOUNT, "token_uri": "http://a"})),
        ("MAIL_GOOGLE_SERVICE_ACCOUNT", '["hunter2"]'),
        ("BASE_URL", "https://clinic.example/path"),
        ("BASE_URL", "https://hunter2@clinic.example"),
        ("EXTRA_HOSTS", "https://web-1"),
        ("EXTRA_HOSTS", "web-1:8000"),
        ("STAFF_HOST", "desk.clinic.example:8443"),
        ("STAFF_HOST", "https://desk.clinic.example"),
        ("STAFF_HOST", "192.0.2.7"),
        ("BASE_URL", "https://clinic example"),
        ("BASE_URL", "https://clinic.example:0"),
        ("BASE_URL", "https://*.clinic.example"),
        ("BASE_URL", f"https://{'a' * 64}.example"),
        ("HOST", "0.0.0.0:8000"),
        ("HOST", "unix:/run/site.sock"),
        ("INSTANCE_DIR", "~nobody-is-called-so/site"),
        ("MAIL_SERVER", "smtp.example.com:587"),
        ("MAIL_SERVER", "smtps://web:hunter2@smtp.example.com"),
        ("MAP_TILES_URL", "https://tiles.example/{z}/{x}.png"),
        ("MAP_TILES_URL", "https://tiles.example/{z}/{x}/{y}.png?key={hunter2}"),
        ("METRICS_TOKEN", "hunter2-påssword"),
        ("MAIL_DEFAULT_SENDER", "web@clinic@example"),
        ("MAIL_DEFAULT_SENDER", "a@clinic.example,b@clinic.example"),
        ("MAIL_DEFAULT_SENDER", "Clinic <hunter2@clinic.example>"),
        ("MAIL_DEFAULT_SENDER", "büro@clinic.example"),
    ],
)
def test_an_invalid_value_is_rejected_at_startup(name: str, value: str) -> None:
    (error,) = errors_of({**DEVELOPMENT, name: value})
    assert error.startswith(f"{name}: must ")
    assert "hunter2" not in error
