"""``flask clinic new``, and commands without settings."""

import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import create_app
from app.cli.clinic import clinic
from app.cli.version import show_version
from app.clinic import ClinicError, load_clinic, scaffold
from app.clinic.placeholders import PLACEHOLDER
from app.version import version
from config import ROOT
from tests.support.settings import NO_ENV_FILE, settings_for

FLASK = [str(Path(sys.executable).parent / "flask"), "--app", "wsgi"]
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **NO_ENV_FILE}  # no setting of ours
ALL = {
    "name": 'Harbor "Q" Clinic',
    "tagline": "Care by the sea",
    "phone": "646-397-1234",
    "email": "hello@harbor-clinic.com",
    "mailbox": "desk@harbor-clinic.com",
    "time_zone": "America/Chicago",
    "street": "9 Pier Road",
    "city": "Harbor",
    "region": "IL",
    "postal_code": "60601",
    "latitude": "41.88",
    "longitude": "-87.62",
}
PRODUCTION = {
    "APP_ENV": "production",
    "TRUSTED_PROXIES": "1",
    "BASE_URL": "https://harbor-clinic.com",
    "MAIL_DEFAULT_SENDER": "site@harbor-clinic.com",
}


def flask(*arguments: str, env: Mapping[str, str] = BARE) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*FLASK, *arguments],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def test_new_works_without_settings_and_its_result_passes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    made = flask("clinic", "new", str(folder), "--name", ALL["name"])
    assert made.returncode == 0, made.stderr
    assert f"make run CLINIC_DIR={folder}" in made.stdout
    assert load_clinic(folder).name == ALL["name"]
    checked = flask("clinic", "check", str(folder))
    assert checked.returncode == 0, checked.stdout
    assert "Failed: 0" in checked.stdout
    assert f"{folder}/clinic.toml:11: still to fill in: email" in checked.stdout


@pytest.mark.parametrize("there", ["file", "folder"])
def test_existing_files_are_not_changed(tmp_path: Path, there: str) -> None:
    place = tmp_path / "ours"
    if there == "folder":
        place.mkdir()
    (place / "notes.txt" if there == "folder" else place).write_text("mine")
    before = snapshot(tmp_path)
    made = CliRunner().invoke(clinic, ["new", str(place)])
    assert made.exit_code == 1
    assert "is not empty, so nothing was changed" in made.output
    assert snapshot(tmp_path) == before


def test_a_folder_with_only_hidden_files_is_as_good_as_new(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert CliRunner().invoke(clinic, ["new", str(tmp_path)]).exit_code == 0
    assert load_clinic(tmp_path)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("phone", "call us", "not a phone number"),
        ("email", "nobody", "valid email"),
        ("time_zone", "Chicago", "unknown time zone"),
        ("latitude", "north", "not a number"),
        ("latitude", "91", "less than or equal to 85"),
        ("name", "two\nlines", "match"),
        ("name", "", "at least 1"),
    ],
)
def test_an_invalid_answer_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, wrong: str, said: str
) -> None:
    with pytest.raises(scaffold.ScaffoldError, match=said):
        scaffold.write_clinic(tmp_path / "ours", {**ALL, name: wrong})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_if_the_pages_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaffold, "DEMO_CLINIC", tmp_path / "clinic")
    with pytest.raises(scaffold.ScaffoldError, match="full checkout"):
        scaffold.write_clinic(tmp_path / "ours", ALL)
    assert list(tmp_path.iterdir()) == []


def test_production_refuses_placeholders_and_starts_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    scaffold.write_clinic(folder, ALL)
    settings = settings_for(tmp_path, CLINIC_DIR=str(folder), **PRODUCTION)
    with pytest.raises(ClinicError) as refusal:
        create_app(settings)
    lines = str(refusal.value).splitlines()
    assert any("reply_within" in line for line in lines)
    assert any("pages/privacy.md:2" in line for line in lines)
    assert not any("phone" in line or "email" in line for line in lines), "those were answered"
    for file in folder.rglob("*.*"):
        if file.is_file() and file.suffix in (".toml", ".md"):
            text = file.read_text(encoding="utf-8").replace(PLACEHOLDER, "#")
            file.write_text(text, encoding="utf-8")
    app = create_app(settings)
    html = app.test_client().get("/contact", base_url=PRODUCTION["BASE_URL"]).text
    assert "646-397-1234" in html
    assert "Null Harbor" not in html


def test_new_asks_on_a_terminal_until_answers_are_valid(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*FLASK, "clinic", "new", str(folder), "--tagline", "Care"],
        cwd=ROOT, env=BARE, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    answers = ["Harbor Clinic", "call us", "646-397-1234", *[""] * 10]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    assert process.wait(60) == 0
    output = os.read(ours, 65536).decode()
    os.close(ours)
    assert "'call us' is not a phone number" in output
    table = tomllib.loads((folder / "clinic.toml").read_text(encoding="utf-8"))
    assert table["name"] == "Harbor Clinic"
    assert table["phone"] == "646-397-1234"
    assert table["tagline"] == "Care"


def test_a_broken_clinic_can_be_checked_and_help_is_shown(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text("name = \n", encoding="utf-8")
    env = {**BARE, "CLINIC_DIR": str(tmp_path)}
    checked = flask("clinic", "check", env=env)
    assert checked.returncode == 1
    assert f"{tmp_path}/clinic.toml:1: " in checked.stdout
    help_text = flask("outbox", "cancel", "--help", env=env)
    assert help_text.returncode == 0
    assert "Example: flask outbox cancel" in help_text.stdout


def test_version_matches_pyproject_and_changelog() -> None:
    assert CliRunner().invoke(show_version).output == f"Frontdesk {version()}\n"
    assert f'version = "{version()}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"## [{version()}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
