"""The systemd units, checked by systemd-analyze. `make systemd-analyze` installs it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config import ROOT, VARIABLE_NAMES

UNITS = ROOT / "deploy" / "systemd"
UNPACKED = ROOT / "build" / "systemd"
INSTALLED = "/opt/frontdesk/current"
MAX_EXPOSURE = 15  # tenths, rated "OK"; a service without hardening has 96


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the path of this checkout instead of the installed site."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for file in (file for file in folder.rglob("*") if file.is_file()):
        file.write_text(file.read_text().replace(INSTALLED, str(ROOT)))
    return folder


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((os.environ["PATH"], str(UNPACKED / "usr" / "bin")))
    program = shutil.which("systemd-analyze", path=path)
    assert program, "systemd-analyze is missing: run `make systemd-analyze`"
    libraries = (*UNPACKED.glob("usr/lib/*-linux-*"), *UNPACKED.glob("lib/*-linux-*"))
    paths = [str(path) for folder in libraries for path in (folder, folder / "systemd")]
    env = {
        "PATH": os.environ["PATH"],
        "SYSTEMD_UNIT_PATH": f"{units}:",
        "LD_LIBRARY_PATH": os.pathsep.join(paths),
    }
    return subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def unit_files(units: Path) -> list[str]:
    return [str(file) for file in sorted(units.iterdir()) if file.is_file()]


def test_systemd_analyze_accepts_the_units(units: Path) -> None:
    result = analyze(units, "verify", "--recursive-errors=no", *unit_files(units))
    assert (result.returncode, result.stderr) == (0, "")


def test_systemd_analyze_finds_errors(units: Path) -> None:
    with (units / "frontdesk-web.service").open("a") as file:
        file.write("RestartSecs=1\n")
    result = analyze(units, "verify", "--recursive-errors=no", *unit_files(units))
    assert "RestartSecs" in result.stderr


def test_every_service_is_hardened(units: Path) -> None:
    services = [file.name.replace("@.", "@1.") for file in units.glob("*.service")]
    assert len(services) == 5
    for service in services:
        result = analyze(
            units, "security", "--offline=true", f"--threshold={MAX_EXPOSURE}", service
        )
        assert result.returncode == 0, result.stdout


def test_settings_in_the_units_exist() -> None:
    lines = [
        line
        for file in UNITS.rglob("*.*")
        if file.is_file()
        for line in file.read_text().splitlines()
    ]
    variables = {line.split("=")[1] for line in lines if line.startswith("Environment=")}
    assert variables - VARIABLE_NAMES == {"ENV_FILE", "FLASK_SKIP_DOTENV"}
