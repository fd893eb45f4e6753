"""Redirects from old URLs to existing pages."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.clinic import ClinicError
from app.pages.redirects import load_redirects

REDIRECTS = Path(__file__).parents[2] / "clinic" / "redirects.toml"


@pytest.mark.parametrize(("old", "new"), tomllib.loads(REDIRECTS.read_text("utf-8")).items())
def test_old_path_redirects_permanently_to_a_page(client: FlaskClient, old: str, new: str) -> None:
    response = client.get(old)
    assert (response.status_code, response.headers["Location"]) == (301, new)
    path, _, heading = new.partition("#")
    page = client.get(path)
    assert page.status_code == 200
    assert not heading or f'id="{heading}"' in page.text


def test_old_path_with_trailing_slash_is_redirected(client: FlaskClient) -> None:
    assert client.get("/faq/", follow_redirects=True).request.path == "/questions"


@pytest.mark.parametrize(
    ("entry", "issue"),
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
def test_invalid_entry_is_an_error(folder: Any, entry: str, issue: str) -> None:
    file = folder.path / "redirects.toml"
    file.write_text(f"# Old addresses\n{entry}\n")
    with pytest.raises(ClinicError) as error:
        load_redirects(file, folder.load().values())
    lines = str(error.value).splitlines()
    assert any(line.startswith(f"{file}:{issue}") for line in lines), lines


def test_redirects_file_is_optional(folder: Any) -> None:
    assert load_redirects(folder.path / "redirects.toml", folder.load().values()) == {}
