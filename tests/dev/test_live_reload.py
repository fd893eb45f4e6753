"""Live reload: changes appear when a file is saved, and errors are shown until they are fixed."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.clinic import scaffold
from app.dev.preview_mailer import COMMAND, CONFIGURATION_ERROR
from config import ROOT
from tests.support.browser import PageMonitor
from tests.support.site import Site, eventually, running_site

GENERATED = re.compile(r"^(\.git|\.venv|build|\.hypothesis)$|cache(__)?$|^\.coverage")
INQUIRY = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "topic": "general",
    "message": "Where do I park?",
}


def tree() -> dict[Path, tuple[int, int]]:
    """Return every file of the project, with its size and modification time."""
    files = {}
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if not GENERATED.search(name)]
        for file in (Path(folder, name) for name in names):
            status = file.stat()
            files[file] = status.st_size, status.st_mtime_ns
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new clinic, as created by ``flask clinic new``."""
    folder = tmp_path_factory.mktemp("second") / "clinic"
    scaffold.write_clinic(folder, {"name": "Second Clinic"})
    return folder


@pytest.fixture(scope="module")
def preview(folder: Path) -> Iterator[Site]:
    with running_site(folder.parent / "instance", CLINIC_DIR=str(folder)) as site:
        yield site


@pytest.fixture
def contact_page(browser: Browser, preview: Site) -> Iterator[Page]:
    """The contact page of the preview, open during the test."""
    context = browser.new_context(base_url=preview.url)
    page = context.new_page()
    monitor = PageMonitor(context, preview.url)
    page.goto("/contact")
    yield page
    context.close()
    assert [error for error in monitor.errors if "500" not in error] == []


def replace_text(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_preview_runs_alongside_the_demo_site_and_changes_no_file(
    server: Site, folder: Path, preview: Site
) -> None:
    before, clinic_files = tree(), sorted(folder.rglob("*"))
    for site, name in ((preview, "Second Clinic"), (server, "Null Harbor Infusion Clinic")):
        for path in ("/", "/location", "/location/map.js", "/contact", "/privacy"):
            assert httpx.get(site.url + path, timeout=30).status_code == 200
        assert name in httpx.get(site.url).text
    response = httpx.post(f"{preview.url}/api/v1/inquiries", json=INQUIRY)
    assert response.status_code == 201, response.text
    message = eventually(preview.messages, 15, "the message is received")[0]
    assert message["To"] == "frontdesk@your-clinic.example"
    assert tree() == before
    assert sorted(folder.rglob("*")) == clinic_files


def test_open_pages_show_a_change_when_it_is_saved(contact_page: Page, folder: Path) -> None:
    replace_text(folder / "clinic.toml", '"201-555-0123"', '"201-555-0199"')
    expect(contact_page.get_by_role("banner")).to_contain_text("201-555-0199")


def test_an_error_is_shown_until_it_is_fixed_and_no_inquiry_is_lost(
    contact_page: Page, folder: Path, preview: Site
) -> None:
    page = folder / "pages" / "questions.md"
    replace_text(page, "(#what-else-is-there)", "(#nowhere)")
    issue = contact_page.locator(".card")
    expect(issue).to_contain_text("broken link #nowhere: no such heading")
    expect(issue.locator("pre")).to_contain_text("(#nowhere)")  # the line itself
    contact_page.set_viewport_size({"width": 900, "height": 700})
    width = contact_page.evaluate("document.documentElement.scrollWidth")
    assert width == 900, "a long line wraps"
    number = issue.locator("strong").inner_text().removeprefix(f"{page}, line ")
    assert any(line.startswith(f"{page}:{number}: broken link") for line in preview.lines)
    assert httpx.post(f"{preview.url}/api/v1/inquiries", json=INQUIRY).status_code == 201
    replace_text(page, "(#nowhere)", "(#what-else-is-there)")
    expect(contact_page.get_by_role("heading", level=1)).to_have_text("Contact us today")
    assert "The clinic files are valid again." in preview.lines


def test_the_terminal_names_the_folder(folder: Path, preview: Site) -> None:
    assert f"Clinic    {folder}: pages reload when files change" in preview.lines


def test_the_mailer_restarts_when_a_file_is_saved(folder: Path, preview: Site) -> None:
    old = eventually(lambda: preview.find("mailer"), what="a mailer runs")
    replace_text(folder / "clinic.toml", 'name = "Second Clinic"', 'name = "Third Clinic"')
    eventually(
        lambda: [mailer for mailer in preview.find("mailer") if mailer not in old],
        what="another mailer runs",
    )
    eventually(lambda: len(preview.find("mailer")) == 1, what="the first mailer has ended")


def test_the_mailer_does_not_repeat_what_the_web_process_shows(folder: Path, preview: Site) -> None:
    env = eventually(preview.mailer, what="a mailer runs").environ()
    file = folder / "clinic.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\nname = ", encoding="utf-8")
    ended = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, check=False)
    file.write_text(text, encoding="utf-8")
    assert (ended.returncode, ended.stdout, ended.stderr) == (CONFIGURATION_ERROR, b"", b"")
