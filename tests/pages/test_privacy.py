"""The privacy page always matches the settings."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import Markup

from app.clinic import Clinic
from app.diagnostics.readability import grade, sentences
from app.pages.clinic_facts import fact_conditions

FULL = "emails everything you wrote"
CONTACT = "Your message itself is not emailed"
MINIMAL = "a reference number and the time"
ACKNOWLEDGEMENT = "one automatic email"
NO_ACKNOWLEDGEMENT = "Our system sends you no automatic email"
EXTERNAL_STREETS = "the streets come from another company"
OWN_STREETS = "No other company learns that you are viewing it"
PHONES = "tells our staff about each new message on their phones"
URGENT = "that note says “Please read now”"
TOLD = "tells another program that we use when a message arrives"
SENT = "sends everything you wrote to another program"
DELETED = "tells the other program that got it"
LOCATIONS = "which of our locations"
PASSAGES = {
    FULL,
    CONTACT,
    MINIMAL,
    ACKNOWLEDGEMENT,
    NO_ACKNOWLEDGEMENT,
    EXTERNAL_STREETS,
    OWN_STREETS,
}


@pytest.fixture
def privacy_text(make_app: Callable[..., Flask]) -> Callable[..., str]:
    """The text of the privacy page of a site with these settings."""

    def words(**env: str) -> str:
        html = make_app(**env).test_client().get("/privacy").text
        return " ".join(Markup(html).striptags().split())

    return words


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {FULL, NO_ACKNOWLEDGEMENT, OWN_STREETS}),
        ({"NOTIFICATION_DETAIL": "contact"}, {CONTACT, NO_ACKNOWLEDGEMENT, OWN_STREETS}),
        ({"NOTIFICATION_DETAIL": "minimal"}, {MINIMAL, NO_ACKNOWLEDGEMENT, OWN_STREETS}),
        ({"SEND_ACKNOWLEDGEMENT": "true"}, {FULL, ACKNOWLEDGEMENT, OWN_STREETS}),
        ({"MAP_TILES_URL": ""}, {FULL, NO_ACKNOWLEDGEMENT, OWN_STREETS}),
    ],
)
def test_privacy_page_matches_the_settings(
    privacy_text: Callable[..., str], env: dict[str, str], expected: set[str]
) -> None:
    page = privacy_text(**env)
    assert {passage for passage in PASSAGES if passage in page} == expected
    assert "settings." not in page


def test_privacy_page_states_the_retention_period(privacy_text: Callable[..., str]) -> None:
    page = privacy_text(RETENTION_DAYS="45", QUARANTINE_RETENTION_DAYS="7")
    assert "We keep what you wrote for 45 days" in page
    assert "spam is deleted after 7 days" in page


@pytest.fixture
def clinic_with(clinic_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The demo clinic with more lines at the end of clinic.toml."""

    def create(lines: str) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        for file in clinic_dir.iterdir():
            (folder / file.name).symlink_to(file)
        (folder / "clinic.toml").unlink()
        text = (clinic_dir / "clinic.toml").read_text(encoding="utf-8")
        (folder / "clinic.toml").write_text(text + lines, encoding="utf-8")
        return folder

    return create


NOTIFY = '[[notify]]\nkey = "phones"\nurl = "ntfys://ntfy.example/desk"\n'
WEBHOOK = f'[[webhooks]]\nkey = "crm"\nurl = "https://crm.example"\nsecret = "{"A" * 32}"\n'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", set()),
        (NOTIFY, {PHONES}),
        (f"{NOTIFY}urgent = true\n", {PHONES, URGENT}),
        (WEBHOOK, {TOLD}),
        (f"{WEBHOOK}content = true\n", {SENT, DELETED}),
    ],
)
def test_privacy_page_says_who_else_is_told_of_a_message(
    privacy_text: Callable[..., str],
    clinic_with: Callable[[str], Path],
    lines: str,
    expected: set[str],
) -> None:
    page = privacy_text(CLINIC_DIR=str(clinic_with(lines)))
    passages = (PHONES, URGENT, TOLD, SENT, DELETED)
    assert {passage for passage in passages if passage in page} == expected


def test_privacy_page_mentions_consent_and_the_choice_of_a_location(
    privacy_text: Callable[..., str], clinic: Clinic
) -> None:
    page = privacy_text()
    assert "We keep the exact words that you agreed to" in page
    assert LOCATIONS in page
    with_one = clinic.model_copy(update={"locations": clinic.locations[:1]})
    assert not fact_conditions(with_one)["several_locations"]


@pytest.fixture
def clinic_without_basemap(clinic_dir: Path, tmp_path: Path) -> Path:
    """The demo clinic without a basemap."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for file in clinic_dir.iterdir():
        if file.name != "basemap.pmtiles":
            (folder / file.name).symlink_to(file)
    return folder


@pytest.mark.parametrize(
    ("tiles", "external"), [("https://t.example/{z}/{x}/{y}", True), ("", False)]
)
def test_privacy_page_mentions_external_streets_only_with_the_button(
    privacy_text: Callable[..., str],
    make_app: Callable[..., Flask],
    clinic_without_basemap: Path,
    tiles: str,
    external: bool,  # noqa: FBT001
) -> None:
    env = {"CLINIC_DIR": str(clinic_without_basemap), "MAP_TILES_URL": tiles}
    assert (EXTERNAL_STREETS in privacy_text(**env)) == external
    assert (OWN_STREETS in privacy_text(**env)) != external
    html = make_app(**env).test_client().get("/location").text
    assert ("show-streets" in html) == external


@pytest.mark.parametrize("detail", ["full", "contact", "minimal"])
def test_every_version_has_reading_grade_6_to_8(clinic_dir: Path, detail: str) -> None:
    page = (clinic_dir / "pages" / "privacy.md").read_text(encoding="utf-8")
    others = "|".join({"full", "contact", "minimal"} - {detail})
    page = re.sub(
        rf"::: when settings\.notification_detail_({others})\n.*?\n:::\n", "", page, flags=re.DOTALL
    )
    assert 6 <= grade(sentences(page)) <= 8
