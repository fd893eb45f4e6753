"""``make screenshots``: what the front desk sees, for docs/front-desk.md."""

import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from playwright.sync_api import Page

from app.clinic import load_clinic
from app.contact.emails import NotificationDetail, notification_emails, reminder_emails
from app.contact.staff_links import StaffLinks
from bench.screenshots import open_browser, save_for_documentation
from bench.servers import ROOT, environment, free_port, frontdesk
from tests.contact.conftest import INQUIRY as SAMPLE
from tests.staff.test_in_browser import KEY

QUESTION = "Do you have an appointment next week?\n\nI can come on weekday mornings."
INQUIRY = replace(SAMPLE, topic="appointments", location="quay", message=QUESTION)
REFERENCE = "K7R-4M2"
RECEIVED_AT = datetime(2026, 11, 25, 15, 14, tzinfo=UTC)
NOTICE = ("--closed", "Snow. We call everybody who has an appointment.")


def main() -> None:
    """Take the pictures on a new site with sample inquiries and one notice."""
    keys = {
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "RATELIMIT_ENABLED": "false",
        "STAFF_CONSOLE": "on",
        "PORT": str(free_port()),
    }
    with tempfile.TemporaryDirectory(prefix="frontdesk-pictures-") as temporary:
        folder = Path(temporary)
        with frontdesk(folder, **keys) as site, open_browser() as browser:
            variables = environment(folder, **keys)
            _python(variables, "app.dev.sample_inquiries")
            page = browser.new_page(viewport={"width": 664, "height": 430})
            for name, html in _emails():
                page.set_content(html)
                save_for_documentation(page, name, full_page=True)
            page.set_viewport_size({"width": 664, "height": 600})
            page.goto(_answered_link(site.url, variables["SECRET_KEY"]), wait_until="networkidle")
            save_for_documentation(page, "front-desk-answered.png")
            _show_notice(page, site.url, variables)
            _show_console(page, variables)


def _show_console(page: Page, variables: dict[str, str]) -> None:
    """Accept an invitation with a virtual passkey, and open an inquiry."""
    invitation = _flask(variables, "staff", "invite", "maria@clinic.example", "--role", "desk")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.set_viewport_size({"width": 1000, "height": 640})
    page.goto(invitation.split()[-1])
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Name of this device").fill("Front desk computer")
    save_for_documentation(page, "console-passkey.png")
    page.get_by_role("button", name="Create a passkey").click()
    page.get_by_role("link", name="Inbox").first.click()  # again, without the message
    save_for_documentation(page, "console-inbox.png", full_page=True)
    page.locator("table a").first.click()
    save_for_documentation(page, "console-inquiry.png", full_page=True)


def _flask(variables: dict[str, str], *arguments: str) -> str:
    return _python(variables, "flask", "--app", "wsgi", *arguments)


def _python(variables: dict[str, str], module: str, *arguments: str) -> str:
    """Run ``module`` with the settings of the site. Returns its output."""
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(
        command, cwd=ROOT, env=variables, check=True, capture_output=True, text=True
    )
    return result.stdout


def _emails() -> Iterator[tuple[str, str]]:
    """The name of the picture and the HTML of each email."""
    clinic = load_clinic(ROOT / "clinic")
    links = StaffLinks("secret", "https://clinic.example", console_url="")
    (inquiry,) = notification_emails(
        INQUIRY, REFERENCE, RECEIVED_AT, clinic, NotificationDetail.FULL, links=links
    )
    (reminder,) = reminder_emails(
        REFERENCE,
        clinic,
        clinic.mailboxes(INQUIRY.topic, INQUIRY.location),
        waiting_since=RECEIVED_AT,
        waited=timedelta(hours=4),
        links=links,
        is_escalation=False,
    )
    yield "front-desk-inquiry.png", inquiry.html
    yield "front-desk-reminder.png", reminder.html


def _answered_link(url: str, secret_key: str) -> str:
    """Send an inquiry. Returns the link in its email."""
    fields = {"phone_e164": None, "voicemail_ok": None, "text_consent": None}
    form = {name: value for name, value in vars(INQUIRY).items() if name not in fields}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{url}contact", body) as response:
        reference = response.url.rpartition("/")[2]
    return StaffLinks(secret_key, url.rstrip("/"), console_url="").answered(reference)


def _show_notice(page: Page, url: str, variables: dict[str, str]) -> None:
    _flask(variables, "notices", "add", *NOTICE)
    page.set_viewport_size({"width": 1000, "height": 420})
    page.goto(url)
    while page.locator(".notice-banner").count() == 0:  # the site reads notices every 10 seconds
        page.wait_for_timeout(1000)
        page.reload(wait_until="networkidle")
    save_for_documentation(page, "front-desk-notice.png")


if __name__ == "__main__":
    main()
