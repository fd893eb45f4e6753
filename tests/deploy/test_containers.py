"""The image and the composition of containers, as far as they can be judged without an engine."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyCompose, PyOptions
from flask import Flask

from config import ROOT, SECRETS, Settings
from tests.support.container_image import health_check
from tests.support.site import Site, free_port

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
KNOWN = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in SECRETS}


TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


def parsed(text: str) -> PyCompose:
    """Raises ValueError for what is not of the specification."""
    options = PyOptions()
    options.apply_merge = True
    made = options.from_yaml(text)
    made.validate()
    return made


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = parsed(TEXT).to_dict()["services"]
    return found


def ours(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services.items() if one["image"] == "frontdesk"}


def test_hadolint_finds_nothing() -> None:
    command = [str(BIN / "hadolint"), str(DEPLOY / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_composition_keeps_to_the_specification() -> None:
    assert set(parsed(TEXT).service_names()) == {
        "backup", "caddy", "database", "mailer", "migrate", "redis", "web-1", "web-2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restarts: unless-stopped"),
        ("condition: service_healthy", "condition: service_happy"),
        ("networks: [inside]", "networks: [nowhere]"),
    ],
)
def test_the_judge_of_compositions_would_find_a_mistake(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"restarts|happy|nowhere"):
        parsed(TEXT.replace(right, wrong))


def test_every_command_is_one_of_ours(services: dict[str, dict[str, Any]], app: Flask) -> None:
    commands = [one["command"] for one in ours(services).values() if "command" in one]
    assert len(commands) == 3
    for program, *words in commands:
        assert program == "flask"
        done = app.test_cli_runner().invoke(args=[*words, "--help"])
        assert done.exit_code == 0, done.output


def test_settings_are_known_and_secrets_are_files(services: dict[str, dict[str, Any]]) -> None:
    for one in ours(services).values():
        assert set(one["environment"]) <= {"ENV_FILE", *KNOWN}
        given = {name for name in one["environment"] if name in SECRETS}
        assert given == {"RATELIMIT_STORAGE_URI"}, "it holds no secret: nobody else is inside"


def test_containers_can_write_nothing_but_what_they_keep(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, one in services.items():
        assert "no-new-privileges:true" in one["security_opt"], name
        if name != "database":
            assert one["read_only"], name
            assert one["cap_drop"] == ["ALL"], name


def test_the_health_check_tells_a_site_that_answers_from_one_that_does_not(server: Site) -> None:
    assert _healthy(int(server.url.rpartition(":")[2]))
    assert not _healthy(free_port())


def _healthy(port: int) -> bool:
    _python, *words = health_check()
    env = {"PATH": os.environ["PATH"], "PORT": str(port)}
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, check=False)
    return done.returncode == 0
