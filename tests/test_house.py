"""The rule of the house: a clinic changes ``clinic/``, so nothing of it stands elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.clinic import Clinic
from config import ROOT
from tests.support.settings import environment

LONGEST = 280  # lines; a longer file probably covers two topics
CODE = [*sorted((ROOT / "app").rglob("*.py")), *ROOT.glob("*.py")]
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*CODE, *TEMPLATES], ids=short)
def test_no_word_of_the_clinic_stands_in_code_or_templates(path: Path, clinic: Clinic) -> None:
    text = path.read_text(encoding="utf-8")
    places = [line for place in clinic.locations for line in (place.name, *place.address)]
    numbers = [place.phone for place in clinic.locations if place.phone]
    mailboxes = [mailbox for topic in clinic.topics for mailbox in topic.mailboxes]
    ours = [clinic.name, clinic.phone, clinic.email, *numbers, *mailboxes, *places]
    # A phone number may be an example in an error message (the issue words it so).
    found = [word for word in ours if word in text and "555-01" not in word]
    assert not found


def test_a_process_that_serves_loads_nothing_of_the_commands(tmp_path: Path) -> None:
    """Each of these costs megabytes in every process and a tenth of a second at the start."""
    unwanted = {"alembic", "flask_alembic", "folium", "numpy", "shapely", "httpx", "dns", "psycopg"}
    program = "import sys, wsgi; print(*(name for name in sys.modules if '.' not in name))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not unwanted & set(result.stdout.split())


def test_the_import_contract_notices_a_forbidden_import(tmp_path: Path) -> None:
    """The contract itself runs in ``make test``; this shows that it can fail."""
    (tmp_path / "app").mkdir()
    for room in (ROOT / "app").iterdir():
        if room.name not in ("pages", "__pycache__"):
            (tmp_path / "app" / room.name).symlink_to(room)
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
