"""Old addresses lead to the pages of today."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.clinic import ClinicError
from app.pages.redirects import load_redirects

TABLE = Path(__file__).parents[2] / "clinic" / "redirects.toml"


@pytest.mark.parametrize(("old", "new"), tomllib.loads(TABLE.read_text("utf-8")).items())
def test_an_old_address_leads_for_good_to_a_page(client: FlaskClient, old: str, new: str) -> None:
    answer = client.get(old)
    assert (answer.status_code, answer.headers["Location"]) == (301, new)
    path, _, heading = new.partition("#")
    page = client.get(path)
    assert page.status_code == 200
    assert not heading or f'id="{heading}"' in page.text


def test_an_old_address_with_a_slash_at_its_end_gets_there_too(client: FlaskClient) -> None:
    assert client.get("/faq/", follow_redirects=True).request.path == "/questions"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('"/old" = "/nowhere"', "2: /old: /nowhere is not a page"),
        ('"/old" = "https://other.example/"', "2: /old: https://other.example/ is not a page"),
        ('"/old" = "/#nothing"', "2: /old: / has no heading #nothing"),
        ('"/old" = "/older"\n"/older" = "/"', "2: /old: /older is redirected itself"),
        ('"/a" = "/b"\n"/b" = "/a"', "3: /b: /a is redirected itself"),
        ('"/self" = "/self"', "2: /self: /self is redirected itself"),
        ('"/contact" = "/"', "2: /contact: is an existing page"),
        ('"old" = "/"', "2: old: write a path such as /old-page"),
        ('"/old/" = "/"', "2: /old/: write a path such as /old-page"),
        ('"/<x>" = "/"', "2: /<x>: write a path such as /old-page"),
        ('"/old" = 7', "2: /old: 7 is not a page"),
        ('"/old" = "/"\n"/old" = "/"', "3: Cannot overwrite a value"),
    ],
)
def test_a_wrong_entry_stops_the_start(folder: Any, entry: str, fault: str) -> None:
    file = folder.path / "redirects.toml"
    file.write_text(f"# Old addresses\n{entry}\n")
    with pytest.raises(ClinicError) as refusal:
        load_redirects(file, folder.load().values(), ["/contact"])
    lines = str(refusal.value).splitlines()
    assert any(line.startswith(f"{file}:{fault}") for line in lines), lines


def test_a_clinic_without_old_addresses_needs_no_table(folder: Any) -> None:
    assert load_redirects(folder.path / "redirects.toml", folder.load().values(), []) == {}
