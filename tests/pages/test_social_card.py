"""Who shares a link shows the clinic's own picture with it."""

from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from app.clinic import ClinicError
from app.pages.og_image import init_social_card

PICTURE = Path(__file__).parents[2] / "clinic" / "social-card.png"


@pytest.mark.parametrize("path", ["/", "/evidence", "/location", "/contact"])
def test_every_page_names_the_picture(client: FlaskClient, path: str) -> None:
    html = client.get(path).text
    assert '<meta property="og:image" content="http://127.0.0.1:8000/social-card.png">' in html
    assert '<meta name="twitter:card" content="summary_large_image">' in html


def test_the_picture_can_be_fetched_and_shown_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/social-card.png")
    assert answer.mimetype == "image/png"
    assert answer.data == PICTURE.read_bytes()
    assert len(answer.data) < 100_000
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_without_a_picture_none_is_named(tmp_path: Path) -> None:
    app = Flask("bare")
    init_social_card(app, tmp_path / "social-card.png", "https://clinic.example")
    with app.app_context():
        assert render_template_string("{{ social_card }}") == ""
    assert app.test_client().get("/social-card.png").status_code == 404


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40), PICTURE.read_bytes()[:18] + bytes(9)])
def test_a_picture_of_another_kind_or_size_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "social-card.png"
    file.write_bytes(data)
    with pytest.raises(ClinicError, match="must be a PNG image of 1200 by 630 pixels"):
        init_social_card(Flask("bare"), file, "https://clinic.example")
