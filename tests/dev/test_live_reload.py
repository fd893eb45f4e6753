"""A clinic being written: shown at each save, a mistake told until it is mended."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.clinic import scaffold
from config import ROOT
from tests.support.browser import PageMonitor
from tests.support.site import Site, eventually, running_site

MADE_BY_TOOLS = re.compile(r"^(\.git|\.venv|build|\.hypothesis)$|cache(__)?$|^\.coverage")
INQUIRY = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "topic": "general",
    "message": "Where do I park?",
}


def tree() -> dict[Path, tuple[int, int]]:
    """Every file of the project, with its size and the time of its last change."""
    found = {}
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if not MADE_BY_TOOLS.search(name)]
        for file in (Path(folder, name) for name in names):
            facts = file.stat()
            found[file] = facts.st_size, facts.st_mtime_ns
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second clinic, as ``flask clinic new`` writes it."""
    folder = tmp_path_factory.mktemp("second") / "clinic"
    scaffold.write_clinic(folder, {"name": "Second Clinic"})
    return folder


@pytest.fixture(scope="module")
def preview(folder: Path) -> Iterator[Site]:
    with running_site(folder.parent / "instance", CLINIC_DIR=str(folder)) as site:
        yield site


@pytest.fixture
def shown(browser: Browser, preview: Site) -> Iterator[Page]:
    """Its contact page, open all the time."""
    context = browser.new_context(base_url=preview.url)
    page = context.new_page()
    watch = PageMonitor(context, preview.url)
    page.goto("/contact")
    yield page
    context.close()
    assert [one for one in watch.faults if "500" not in one] == []


def save(file: Path, old: str, fresh: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, fresh, 1), encoding="utf-8")


def test_it_runs_beside_the_demo_and_touches_no_file_of_the_project(
    server: Site, folder: Path, preview: Site
) -> None:
    before, ours = tree(), sorted(folder.rglob("*"))
    for site, name in ((preview, "Second Clinic"), (server, "Null Harbor Infusion Clinic")):
        for path in ("/", "/location", "/location/map.js", "/contact", "/privacy"):
            assert httpx.get(site.url + path, timeout=30).status_code == 200
        assert name in httpx.get(site.url).text
    answer = httpx.post(f"{preview.url}/api/v1/inquiries", json=INQUIRY)
    assert answer.status_code == 201, answer.text
    mail = eventually(preview.messages, 15, "the mail arrives")[0]
    assert mail["To"] == "frontdesk@your-clinic.example"
    assert tree() == before
    assert sorted(folder.rglob("*")) == ours


def test_what_is_saved_is_shown_at_once(shown: Page, folder: Path) -> None:
    save(folder / "clinic.toml", '"212-555-0100"', '"212-555-0199"')
    expect(shown.get_by_role("banner")).to_contain_text("212-555-0199")


def test_a_mistake_is_told_until_it_is_mended_and_nothing_is_lost(
    shown: Page, folder: Path, preview: Site
) -> None:
    page = folder / "pages" / "questions.md"
    save(page, "(#what-else-is-there)", "(#nowhere)")
    expect(shown.locator("pre")).to_contain_text("broken link #nowhere: no such heading")
    fault = shown.locator("pre").inner_text()
    assert fault.startswith(f"{page}:")
    assert fault in preview.lines
    assert httpx.post(f"{preview.url}/api/v1/inquiries", json=INQUIRY).status_code == 201
    save(page, "(#nowhere)", "(#what-else-is-there)")
    expect(shown.get_by_role("heading", level=1)).to_have_text("Contact us today")
    assert "The clinic files are valid again." in preview.lines


def test_the_terminal_names_the_folder(folder: Path, preview: Site) -> None:
    assert f"Clinic    {folder}: pages reload when files change" in preview.lines


def test_the_mailer_reads_the_folder_again_when_a_file_is_saved(
    folder: Path, preview: Site
) -> None:
    old = eventually(lambda: preview.find("mailer"), what="a mailer runs")
    save(folder / "clinic.toml", 'name = "Second Clinic"', 'name = "Third Clinic"')
    eventually(
        lambda: [one for one in preview.find("mailer") if one not in old],
        what="another mailer runs",
    )
    eventually(lambda: len(preview.find("mailer")) == 1, what="the first mailer has ended")
