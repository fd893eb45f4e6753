"""What the application tells the page cache of the web server in front (nginx)."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clinic import Clinic
from tests.contact.conftest import GOOD

PUBLIC = ("/", "/evidence", "/location", "/contact", "/sitemap.xml", "/robots.txt",
          "/favicon.svg", "/static/css/map.css", "/location/map.svg", "/unavailable",
          "/api/unavailable")  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_and_files_are_kept_for_20_seconds(client: FlaskClient, path: str) -> None:
    names = [name for name, _ in client.get(path).headers]
    assert client.get(path).headers["X-Accel-Expires"] == "20"
    # nginx before 1.23 heeds whichever comes first.
    assert names.index("X-Accel-Expires") < names.index("Cache-Control")
    assert "Set-Cookie" not in names


def test_a_file_is_kept_under_its_fingerprint_and_under_no_other_query(
    client: FlaskClient, app: Flask
) -> None:
    with app.test_request_context():
        script = app.jinja_env.globals["asset"]("site.js")  # type: ignore[operator]
    assert "X-Accel-Expires" in client.get(script).headers
    for address in (f"{script}0", "/static/site.js?v=0123", "/evidence?v=0123", "/evidence?a=b"):
        assert "X-Accel-Expires" not in client.get(address).headers, address


def test_nothing_else_is_kept(client: FlaskClient) -> None:
    received = client.post("/contact", data=GOOD)
    assert received.status_code == 303
    answers = [
        received,
        client.get(received.headers["Location"]),
        client.post("/contact", data={}),
        client.post("/api/v1/inquiries", json={}),
        *(client.get(path) for path in ("/healthz", "/readyz", "/healthz/outbox", "/api/")),
        client.get("/no-such-page"),
        client.delete("/evidence"),
    ]
    assert not [answer for answer in answers if "X-Accel-Expires" in answer.headers]


def test_the_page_for_an_application_that_is_down_helps_and_is_not_found_by_searching(
    client: FlaskClient, clinic: Clinic
) -> None:
    page = client.get("/unavailable")
    assert page.status_code == 200, "nginx keeps it, and sends it with 503"
    assert "may not have been saved" in page.text
    assert f'href="tel:{clinic.tel(clinic.phone)}"' in page.text
    assert re.search('<meta name="robots" content="noindex">', page.text)
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Cache-Control"] == "no-store", "browsers do not keep it"
    assert "unavailable" not in client.get("/sitemap.xml").text


def test_programs_get_a_problem_document_with_the_phone_number(
    client: FlaskClient, clinic: Clinic
) -> None:
    answer = client.get("/api/unavailable")
    assert (answer.status_code, answer.mimetype) == (200, "application/problem+json")
    assert answer.json
    assert (answer.json["status"], answer.json["phone"]) == (503, clinic.phone)
    assert "may not have been saved" in answer.json["detail"]
