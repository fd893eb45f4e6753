"""The systemd units, judged by systemd's own examiner. `make systemd-analyze` brings it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config import ROOT, SECRETS, Settings

UNITS = ROOT / "deploy" / "systemd"
UNPACKED = ROOT / "build" / "systemd"
INSTALLED = "/opt/frontdesk/current"
MOST_EXPOSED = 15  # tenths; "OK" in the examiner's words, a service without any care has 96


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as installed, with this checkout in the place of the installed site."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for file in (file for file in folder.rglob("*") if file.is_file()):
        file.write_text(file.read_text().replace(INSTALLED, str(ROOT)))
    return folder


def examine(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join((os.environ["PATH"], str(UNPACKED / "usr" / "bin")))
    program = shutil.which("systemd-analyze", path=places)
    assert program, "systemd-analyze is not here: run `make systemd-analyze`"
    libraries = (*UNPACKED.glob("usr/lib/*-linux-*"), *UNPACKED.glob("lib/*-linux-*"))
    paths = [str(path) for one in libraries for path in (one, one / "systemd")]
    env = {
        "PATH": os.environ["PATH"],
        "SYSTEMD_UNIT_PATH": f"{units}:",
        "LD_LIBRARY_PATH": os.pathsep.join(paths),
    }
    return subprocess.run(
        [program, *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def named(units: Path) -> list[str]:
    return [str(file) for file in sorted(units.iterdir()) if file.is_file()]


def test_systemd_has_nothing_to_complain_of(units: Path) -> None:
    done = examine(units, "verify", "--recursive-errors=no", *named(units))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examiner_would_find_a_mistake(units: Path) -> None:
    with (units / "frontdesk-web.service").open("a") as file:
        file.write("RestartSecs=1\n")
    done = examine(units, "verify", "--recursive-errors=no", *named(units))
    assert "RestartSecs" in done.stderr


def test_every_service_may_do_little(units: Path) -> None:
    services = [file.name.replace("@.", "@1.") for file in units.glob("*.service")]
    assert len(services) == 4
    for service in services:
        done = examine(units, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", service)
        assert done.returncode == 0, done.stdout


def test_settings_that_units_make_exist() -> None:
    known = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in SECRETS}
    lines = [
        line
        for file in UNITS.rglob("*.*")
        if file.is_file()
        for line in file.read_text().splitlines()
    ]
    made = {line.split("=")[1] for line in lines if line.startswith("Environment=")}
    assert made - known == {"ENV_FILE", "FLASK_SKIP_DOTENV", "KEEP_DAYS"}  # the last is for find
