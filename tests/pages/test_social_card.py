"""The social card, shown where people share a link."""

from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from app.clinic import ClinicError
from app.pages.social_card import init_social_card

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


def test_social_card_is_optional(tmp_path: Path) -> None:
    app = Flask("bare")
    init_social_card(app, tmp_path / "social-card.png", "https://clinic.example")
    with app.app_context():
        assert render_template_string("{{ social_card }}") == ""
    assert app.test_client().get("/social-card.png").status_code == 404


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(40), SOCIAL_CARD.read_bytes()[:18] + bytes(9)]
)
def test_social_card_of_another_type_or_size_is_rejected(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "social-card.png"
    file.write_bytes(data)
    with pytest.raises(ClinicError, match="must be a PNG image of 1200 by 630 pixels"):
        init_social_card(Flask("bare"), file, "https://clinic.example")
