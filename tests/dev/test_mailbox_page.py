"""``/dev/mailbox`` lists messages, newest first, and displays them safely."""

import re
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from mailbox import Maildir
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient

from app import create_app
from app.services import get_services
from config import ROOT, Settings

HOSTILE = '<script>alert("x")</script><p style="color: red">Hello</p>'


@pytest.fixture
def receive(tmp_path: Path) -> Callable[..., str]:
    """Add a message to the mailbox of ``app``, like the SMTP server. Returns its key."""

    def add(subject: str, text: str = "Good day\n", html: str | None = None) -> str:
        message = EmailMessage()
        message["Subject"] = subject
        message["To"] = "frontdesk@nullharbor.example"
        message["Reply-To"] = "ada@example.com"
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
        return str(Maildir(tmp_path / "mailbox", create=True).add(message.as_bytes()))

    return add


def test_the_newest_message_is_first(client: FlaskClient, receive: Callable[..., str]) -> None:
    for subject in ("Oldest", "Middle", "Newest"):
        receive(subject)
    page = client.get("/dev/mailbox").text
    assert page.index("Newest") < page.index("Middle") < page.index("Oldest")


def test_an_empty_mailbox_is_labeled(client: FlaskClient) -> None:
    response = client.get("/dev/mailbox")
    assert response.status_code == 200
    assert "No messages yet" in response.text


def test_a_message_page_shows_headers_and_text_with_escaped_markup(
    client: FlaskClient, receive: Callable[..., str]
) -> None:
    key = receive("Ünusual <b>subject</b>", text="a < b\n")
    page = client.get(f"/dev/mailbox/{key}").text
    assert "Ünusual &lt;b&gt;subject&lt;/b&gt;" in page
    assert "ada@example.com" in page
    assert "a &lt; b" in page
    assert "<iframe" not in page, "this message has no HTML part"


def test_the_html_part_is_in_a_sandboxed_frame(
    client: FlaskClient, receive: Callable[..., str]
) -> None:
    key = receive("With HTML", html=HOSTILE)
    page = client.get(f"/dev/mailbox/{key}")
    assert re.search(rf'<iframe sandbox [^>]*src="/dev/mailbox/{key}/html">', page.text)
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>alert" not in page.text
    part = client.get(f"/dev/mailbox/{key}/html")
    assert part.text.strip() == HOSTILE
    policy = part.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")


@pytest.mark.parametrize(
    "key", ["nothing", "..", "..%2f..%2ffrontdesk.db", "%2fetc%2fpasswd", "new%2f1", "x%00y"]
)
def test_a_key_that_is_a_path_finds_nothing(
    client: FlaskClient, receive: Callable[..., str], key: str
) -> None:
    receive("The only message")
    assert client.get(f"/dev/mailbox/{key}/html").status_code == 404
    assert client.get(f"/dev/mailbox/{key}").status_code in (404, 308)


def test_an_invalid_message_does_not_hide_the_others(
    client: FlaskClient, receive: Callable[..., str], tmp_path: Path
) -> None:
    receive("Valid")
    Maildir(tmp_path / "mailbox").add(b"\xff\xfe no header at all\r\n\r\n\xff")
    page = client.get("/dev/mailbox")
    assert page.status_code == 200
    assert "Valid" in page.text


def test_a_production_site_has_no_mailbox(tmp_path: Path) -> None:
    app = create_app(_production(tmp_path))
    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/dev")]
    assert (
        app.test_client().get("/dev/mailbox", base_url="https://clinic.example").status_code == 404
    )
    get_services(app).database.engine.dispose()


def _production(folder: Path) -> Settings:
    """Production settings, with a clinic that is not the demo."""
    clinic = folder / "clinic"
    clinic.mkdir()
    for entry in (ROOT / "clinic").iterdir():
        (clinic / entry.name).symlink_to(entry)
    file = clinic / "clinic.toml"
    text = file.read_text(encoding="utf-8").replace("demo = true", "demo = false")
    file.unlink()
    file.write_text(text, encoding="utf-8")
    return Settings.from_env(
        {
            "SECRET_KEY": "x" * 32,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "INSTANCE_DIR": str(folder),
            "CLINIC_DIR": str(clinic),
            "BASE_URL": "https://clinic.example",
            "TRUSTED_PROXIES": "1",
            "MAIL_SERVER": "smtp.clinic.example",
            "MAIL_DEFAULT_SENDER": "web@clinic.example",
        }
    )


def test_the_site_does_not_load_the_programs_of_make_run() -> None:
    code = "import sys, app; print('aiosmtpd' in sys.modules, 'honcho' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert output.split() == ["False", "False"]
