"""No text becomes markup, script or template code: from visitors, in URLs, or from the clinic.

Pages are compared as browsers parse them: the elements and attributes must be the same as
without the text.
"""

import json
import re
import shutil
from collections.abc import Callable
from mailbox import Maildir
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.dev.maildir import list_messages
from tests.attacks import hostile_input
from tests.support.contact_harness import EMPTY

SUM = "{{1234567*7}}"
EVALUATED = "8641969"
CODE = (*hostile_input.MARKUP, *hostile_input.TEMPLATES, SUM, "${1234567*7}", "{% include 'x' %}")
PAGES = ("/", "/contact", "/location", "/first-visit", "/privacy", "/api/", "/nowhere")
WRITTEN = (  # texts in the demo clinic's file that are replaced
    '"Null Harbor Infusion Clinic"',
    '"Ketamine infusion, explained plainly"',
    '"Quay Street"',
    '"Second floor"',
    '"Billing or cost"',
    '"Thanksgiving Day"',
)


def _outline(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a page in order, each with the names of its attributes."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return [(str(node.tag), tuple(sorted(map(str, node.attrib)))) for node in tree.iter()]


def _links(html: str) -> set[str]:
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return {node.get(name, "") for node in tree.iter() for name in ("href", "src", "action")}


@pytest.fixture(
    params=["".join(hostile_input.MARKUP[:4]), "".join((*hostile_input.TEMPLATES, SUM))], ids=ascii
)
def hostile_site(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask], clinic_dir: Path, tmp_path: Path
) -> FlaskClient:
    """A clinic whose names are all code."""
    folder = tmp_path / "clinic"
    shutil.copytree(clinic_dir, folder)
    file = folder / "clinic.toml"
    text = file.read_text(encoding="utf-8")
    for old in WRITTEN:
        assert old in text
        text = text.replace(old, json.dumps(request.param))
    file.write_text(text, encoding="utf-8")
    return make_app(CLINIC_DIR=str(folder)).test_client()


def test_code_in_clinic_names_does_not_change_pages(
    client: FlaskClient, hostile_site: FlaskClient
) -> None:
    for path in PAGES:
        page = hostile_site.get(path).text
        assert _outline(page) == _outline(client.get(path).text), path
        assert EVALUATED not in page
        assert not any(link.lower().startswith(("javascript:", "data:")) for link in _links(page))
        for data in re.findall(r'<script type="application/ld\+json">(.*?)</script>', page):
            assert json.loads(data)["@context"] == "https://schema.org"


def test_code_in_clinic_names_does_not_change_other_documents(hostile_site: FlaskClient) -> None:
    for path in ("/sitemap.xml", "/location/map.svg", "/favicon.svg"):
        found = hostile_site.get(path)
        assert not {"script", "foreignObject", "img"} & {
            node.tag.rpartition("}")[2] for node in ET.fromstring(found.data).iter()
        }, path
    described = hostile_site.get("/api/openapi.json")
    assert described.json is not None
    assert described.json["openapi"] == "3.1.0"
    script = hostile_site.get("/location/map.js").text
    assert "<script" not in script
    assert "</script" not in script
    assert EVALUATED not in script


@pytest.mark.parametrize("code", CODE, ids=ascii)
def test_visitor_input_is_shown_as_text(client: FlaskClient, code: str) -> None:
    plain = client.post("/contact", data={**EMPTY, "topic": ""})
    wild = dict.fromkeys(("name", "email", "phone", "best_time", "message"), code)
    response = client.post("/contact", data={**EMPTY, "topic": code, "location": code, **wild})
    assert response.status_code == plain.status_code == 422
    known = set(_outline(plain.text)) | set(_outline(client.post("/contact").text))
    assert {tag for tag, _ in _outline(response.text)} <= {tag for tag, _ in known} | {"ul", "li"}
    assert not [name for _, names in _outline(response.text) for name in names if name[:2] == "on"]
    assert EVALUATED not in response.text
    tree = html5lib.parse(response.text, namespaceHTMLElements=False)
    (message,) = tree.iter("textarea")
    assert message.text == code
    (name,) = (node for node in tree.iter("input") if node.get("name") == "name")
    assert name.get("value") == code.strip()


@pytest.mark.parametrize("code", CODE, ids=ascii)
def test_error_page_does_not_repeat_the_url(client: FlaskClient, code: str) -> None:
    usual = client.get("/nowhere").text
    for path in (f"/{quote(code)}", f"/nowhere?{quote(code)}={quote(code)}"):
        found = client.get(path)
        assert found.status_code == 404
        assert found.text == usual
    problem = client.get(f"/api/{quote(code)}")
    assert problem.content_type == "application/problem+json"
    assert code.lstrip("/") not in problem.text


def test_development_mailbox_escapes_emails(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """It shows emails, which contain visitor input."""
    mail = b"Subject: <script>alert(1)</script>\r\nFrom: <b>\r\n\r\n</pre><script>alert(1)</script>"
    folder = tmp_path / "mailbox"
    Maildir(folder, create=True).add(mail)
    site = make_app().test_client()
    (only,) = list_messages(folder)
    for path in ("/dev/mailbox", f"/dev/mailbox/{only.key}"):
        page = site.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
