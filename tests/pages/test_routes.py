"""Responses of the page routes, for visitors, search engines and proxies."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import brotli
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.clinic import Clinic
from tests.support.pages import (
    INFORMATION_PAGES,
    PAGES_WITHOUT_MEDICAL_CLAIMS,
    PUBLIC_PAGES,
)

FIRST_ROUND_TRIP = 10 * 1460  # bytes: ten segments, RFC 6928
SERVER_HEADERS = (  # of gunicorn, and of HTTPS in production
    "Server: gunicorn\r\nDate: Mon, 30 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n"
    "Strict-Transport-Security: max-age=63072000"
)
# 200 characters, the most that a notice can have.
NOTICE = (
    "Both clinics are closed from Thursday, November 26, until Monday, November 30, while the"
    " heating is repaired. Your appointment in that week stays valid: we will call you soon and"
    " agree on a new time."
)


@pytest.fixture
def monday_ten_am() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 11, 2, 15, 0, tzinfo=UTC), tick=False) as clock:
        yield clock


@pytest.mark.parametrize("path", INFORMATION_PAGES)
def test_page_has_title_description_and_structured_data(client: FlaskClient, path: str) -> None:
    html = client.get(path).text
    assert re.search(r"<title>[^<]{10,}</title>", html)
    assert re.search(r'<meta name="description" content="[^"]{50,}">', html)
    assert f'<link rel="canonical" href="http://127.0.0.1:8000{path}">' in html
    assert '<meta property="og:title"' in html
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert data
    types = {node["@type"] for node in json.loads(data[1])["@graph"]}
    assert ("MedicalWebPage" in types) == (path not in PAGES_WITHOUT_MEDICAL_CLAIMS)


def test_only_medical_pages_say_that_nobody_has_reviewed_them(client: FlaskClient) -> None:
    paths = {path for path in INFORMATION_PAGES if "Not yet reviewed" in client.get(path).text}
    assert paths == set(INFORMATION_PAGES) - PAGES_WITHOUT_MEDICAL_CLAIMS
    assert "Last updated" in client.get("/privacy").text


def test_sitemap_has_the_dates_of_the_pages_and_no_other(
    make_app: Callable[..., Flask], clinic_dir: Path, tmp_path: Path
) -> None:
    """The date of a file is that of a checkout: it must not make a medical page look reviewed."""
    folder = shutil.copytree(clinic_dir, tmp_path / "clinic")
    page = folder / "pages" / "questions.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"^updated = .*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    sitemap = make_app(CLINIC_DIR=str(folder)).test_client().get("/sitemap.xml").text
    dated = dict(re.findall(r"<loc>[^<]*8000(/[^<]*)</loc>(?:<lastmod>([^<]+))?", sitemap))
    assert dated["/evidence"] == "2026-11-30"
    assert dated["/questions"] == dated["/contact"] == dated["/references"] == ""


def test_front_page_sections_are_in_order(client: FlaskClient) -> None:
    headings = re.findall(r'<h2[^>]* id="([^"]+)"', client.get("/").text)
    wanted = [
        "what-is-ketamine",
        "effects-of-ketamine",
        "mechanisms-of-action",
        "clinical-uses",
        "history-of-ketamine-infusion",
        "types-of-ketamine-treatment",
        "clinical-evidence",
        "side-effects",
        "post-infusion-precautions",
    ]
    assert [heading for heading in headings if heading in wanted] == wanted
    html = client.get("/").text
    assert html.index("Location map</h2>") < html.index("Contact us today</h2>")


def test_page_does_not_change_during_the_day(
    app: Flask, monday_ten_am: time_machine.Traveller
) -> None:
    client = app.test_client()
    first = client.get("/privacy")
    monday_ten_am.shift(timedelta(hours=7))
    assert client.get("/privacy").headers["ETag"] == first.headers["ETag"]


def test_browsers_may_cache_a_page_for_30_seconds(client: FlaskClient) -> None:
    response = client.get("/questions", headers={"Accept-Encoding": "br"})
    assert response.headers["Cache-Control"] == "public, max-age=30, must-revalidate"
    assert response.headers["Vary"] == "Accept-Encoding"
    tag = response.headers["ETag"]
    assert client.get("/questions", headers={"If-None-Match": tag}).status_code == 304


def test_query_does_not_change_a_page(client: FlaskClient) -> None:
    assert client.get("/privacy?utm_source=x").data == client.get("/privacy").data


def test_sitemap_contains_every_page(client: FlaskClient) -> None:
    response = client.get("/sitemap.xml")
    assert response.mimetype == "application/xml"
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    urls = {url.text for url in ET.fromstring(response.text).findall("s:url/s:loc", names)}
    wanted = {f"http://127.0.0.1:8000{path}" for path in PUBLIC_PAGES}
    assert urls == wanted
    for url in urls:
        assert url
        assert client.get(url.removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_robots_txt_names_the_sitemap(client: FlaskClient) -> None:
    response = client.get("/robots.txt")
    assert response.mimetype == "text/plain"
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in response.text


def test_security_txt_has_a_contact_and_expires_within_a_year(
    client: FlaskClient, clinic: Clinic
) -> None:
    response = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in response.text.splitlines())
    assert fields["Contact"] == f"mailto:{clinic.email}"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)


def test_favicon_is_the_logo(client: FlaskClient) -> None:
    response = client.get("/favicon.svg")
    assert response.mimetype == "image/svg+xml"
    assert "<svg" in response.text


def test_header_has_five_links_and_the_menu_of_small_screens_all(client: FlaskClient) -> None:
    header = re.search(r"<header.*?</header>", client.get("/privacy").text, re.DOTALL)
    assert header
    row, menu = (re.findall(r'<li><a href="([^"]+)"', part) for part in header[0].split("<details"))
    assert row == ["/first-visit", "/costs", "/questions", "/location", "/contact"]
    assert {*row, "/after-your-infusion", "/evidence", "/team", "/privacy"} <= set(menu)


def test_front_page_begins_with_who_and_where_we_are(client: FlaskClient, clinic: Clinic) -> None:
    opening = client.get("/").text.partition('class="wrap columns"')[0]
    assert f"<h1>{clinic.tagline}</h1>" in opening
    assert "Null Harbor, NY" in opening
    assert re.search(r'<strong>Quay Street</strong> <span class="status">\w+day: ', opening)
    assert opening.count('<a class="button" href') == 1, "one filled action"


def test_front_page_fits_one_round_trip_with_a_notice(app: Flask) -> None:
    app.jinja_env.globals["notices"] = lambda: [NOTICE]
    response = app.test_client().get("/", headers={"Accept-Encoding": "br"})
    assert NOTICE.encode() in brotli.decompress(response.data)
    sent = f"HTTP/1.1 200 OK\r\n{SERVER_HEADERS}\r\n{response.headers}".encode() + response.data
    assert len(sent) <= FIRST_ROUND_TRIP


def test_pages_lead_to_the_next_one(client: FlaskClient) -> None:
    html = client.get("/first-visit").text
    assert '<p class="next"><a href="/after-your-infusion">Next: ' in html
    assert 'class="next"' not in client.get("/privacy").text
