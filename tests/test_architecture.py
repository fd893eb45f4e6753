"""Code has no data of a clinic, and imports only what its package may import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.clinic import Clinic
from config import ROOT
from tests.support.settings import environment

CODE = [*sorted((ROOT / "app").rglob("*.py")), *ROOT.glob("*.py")]
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*CODE, *TEMPLATES], ids=short)
def test_code_and_templates_have_no_clinic_data(path: Path, clinic: Clinic) -> None:
    text = path.read_text(encoding="utf-8")
    places = [line for place in clinic.locations for line in (place.name, *place.address)]
    numbers = [place.phone for place in clinic.locations if place.phone]
    mailboxes = [mailbox for topic in clinic.topics for mailbox in topic.mailboxes]
    clinic_data = [clinic.name, clinic.phone, clinic.email, *numbers, *mailboxes, *places]
    # An error message may have a phone number as an example.
    matches = [value for value in clinic_data if value in text and "555-01" not in value]
    assert not matches


def test_a_web_process_does_not_load_libraries_of_the_commands(tmp_path: Path) -> None:
    """Each of them would cost megabytes in every process and a tenth of a second at startup."""
    unwanted = {
        "alembic", "apprise", "boto3", "dns", "flask_alembic", "flask_mail", "folium", "google",
        "httpx", "msal", "numpy", "psycopg", "requests", "shapely",
    }  # fmt: skip
    # Also when they send email and alerts by all of these.
    env = environment(
        tmp_path,
        MAIL_TRANSPORT="amazon-ses",
        MAIL_SES_REGION="us-east-1",
        MAIL_MICROSOFT_CLIENT_SECRET="x",
        ALERT_URLS="json://localhost/",
    )
    program = "import sys, wsgi; print(*(name for name in sys.modules if '.' not in name))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not unwanted & set(result.stdout.split())


def test_the_import_contract_detects_a_forbidden_import(tmp_path: Path) -> None:
    """``make test`` checks the contract itself; this test shows that it can fail."""
    (tmp_path / "app").mkdir()
    for package in (ROOT / "app").iterdir():
        if package.name not in ("pages", "__pycache__"):
            (tmp_path / "app" / package.name).symlink_to(package)
    (tmp_path / "app" / "pages").mkdir()
    for file in (ROOT / "app" / "pages").glob("*.py"):
        (tmp_path / "app" / "pages" / file.name).symlink_to(file)
    (tmp_path / "app" / "pages" / "curious.py").write_text("import app.contact.models\n")
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert "app.pages.curious -> app.contact.models" in result.stdout
