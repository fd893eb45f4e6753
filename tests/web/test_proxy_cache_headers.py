"""Headers that control the page cache of the web server in front (nginx)."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clinic import Clinic
from tests.contact.conftest import GOOD

PUBLIC = ("/", "/evidence", "/location", "/contact", "/sitemap.xml", "/robots.txt",
          "/favicon.svg", "/static/css/map.css", "/location/map.svg", "/figures/trials.svg",
          "/illustration.svg", "/api/", "/unavailable", "/api/unavailable")  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC)
def test_nginx_caches_public_pages_and_files_for_20_seconds(client: FlaskClient, path: str) -> None:
    names = [name for name, _ in client.get(path).headers]
    assert client.get(path).headers["X-Accel-Expires"] == "20"
    # nginx before 1.23 obeys the first of the two.
    assert names.index("X-Accel-Expires") < names.index("Cache-Control")
    assert "Set-Cookie" not in names


def test_nginx_caches_a_file_under_its_fingerprint_and_no_other_query(
    client: FlaskClient, app: Flask
) -> None:
    with app.test_request_context():
        script = app.jinja_env.globals["asset"]("site.js")  # type: ignore[operator]
    assert "X-Accel-Expires" in client.get(script).headers
    for address in (f"{script}0", "/static/site.js?v=0123", "/evidence?v=0123", "/evidence?a=b"):
        assert "X-Accel-Expires" not in client.get(address).headers, address


def test_nginx_caches_nothing_else(client: FlaskClient) -> None:
    received = client.post("/contact", data=GOOD)
    assert received.status_code == 303
    responses = [
        received,
        client.get(received.headers["Location"]),
        client.post("/contact", data={}),
        client.post("/api/v1/inquiries", json={}),
        *(client.get(path) for path in ("/healthz", "/readyz", "/healthz/outbox")),
        client.get("/no-such-page"),
        client.delete("/evidence"),
    ]
    assert not [response for response in responses if "X-Accel-Expires" in response.headers]


def test_the_unavailable_page_helps_and_is_not_indexed(client: FlaskClient, clinic: Clinic) -> None:
    page = client.get("/unavailable")
    assert page.status_code == 200, "nginx caches it and sends it with 503"
    assert "may not have been saved" in page.text
    assert f'href="tel:{clinic.tel(clinic.phone)}"' in page.text
    assert re.search('<meta name="robots" content="noindex">', page.text)
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Cache-Control"] == "no-store", "browsers must not cache it"
    assert "unavailable" not in client.get("/sitemap.xml").text


def test_the_unavailable_problem_document_has_the_phone_number(
    client: FlaskClient, clinic: Clinic
) -> None:
    response = client.get("/api/unavailable")
    assert (response.status_code, response.mimetype) == (200, "application/problem+json")
    assert response.json
    assert (response.json["status"], response.json["phone"]) == (503, clinic.phone)
    assert "may not have been saved" in response.json["detail"]
