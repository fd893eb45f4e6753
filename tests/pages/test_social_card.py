"""The social card, shown where people share a link."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clinic import ClinicError

SOCIAL_CARD = Path(__file__).parents[2] / "clinic" / "social-card.png"


@pytest.mark.parametrize("path", ["/", "/evidence", "/location", "/contact"])
def test_every_page_has_the_social_card(client: FlaskClient, path: str) -> None:
    html = client.get(path).text
    assert '<meta property="og:image" content="http://127.0.0.1:8000/social-card.png">' in html
    assert '<meta name="twitter:card" content="summary_large_image">' in html


def test_social_card_can_be_shown_on_other_sites(client: FlaskClient) -> None:
    response = client.get("/social-card.png")
    assert response.mimetype == "image/png"
    assert response.data == SOCIAL_CARD.read_bytes()
    assert len(response.data) < 100_000
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.fixture
def clinic_folder(clinic_dir: Path, tmp_path: Path) -> Path:
    """A copy of the demo clinic."""
    return Path(shutil.copytree(clinic_dir, tmp_path / "clinic"))


def test_social_card_is_optional(make_app: Callable[..., Flask], clinic_folder: Path) -> None:
    (clinic_folder / "social-card.png").unlink()
    client = make_app(CLINIC_DIR=str(clinic_folder)).test_client()
    assert "og:image" not in client.get("/").text
    assert client.get("/social-card.png").status_code == 404


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(40), SOCIAL_CARD.read_bytes()[:18] + bytes(9)]
)
def test_social_card_of_another_type_or_size_is_rejected(
    make_app: Callable[..., Flask], clinic_folder: Path, data: bytes
) -> None:
    (clinic_folder / "social-card.png").write_bytes(data)
    with pytest.raises(ClinicError, match="must be a PNG image of 1200 by 630 pixels"):
        make_app(CLINIC_DIR=str(clinic_folder))
