"""The privacy page cannot be wrong: it says what the settings make the site do."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import Markup

from app.diagnostics.readability import grade, sentences

ALL = "mails all that you wrote"
CONTACT = "Your message itself is not mailed"
MINIMAL = "a reference number and the time"
ANSWER = "You get one mail from us by itself"
NO_ANSWER = "Our system sends you no mail by itself"
ELSEWHERE = "the streets come from another company"
OWN = "No other company learns that you look at it"
PASSAGES = {ALL, CONTACT, MINIMAL, ANSWER, NO_ANSWER, ELSEWHERE, OWN}


@pytest.fixture
def says(make_app: Callable[..., Flask]) -> Callable[..., str]:
    """The words of the privacy page of a site with these variables."""

    def words(**env: str) -> str:
        html = make_app(**env).test_client().get("/privacy").text
        return " ".join(Markup(html).striptags().split())

    return words


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, {ALL, NO_ANSWER, OWN}),
        ({"NOTIFICATION_DETAIL": "contact"}, {CONTACT, NO_ANSWER, OWN}),
        ({"NOTIFICATION_DETAIL": "minimal"}, {MINIMAL, NO_ANSWER, OWN}),
        ({"SEND_ACKNOWLEDGEMENT": "true"}, {ALL, ANSWER, OWN}),
        ({"MAP_TILES_URL": ""}, {ALL, NO_ANSWER, OWN}),
    ],
)
def test_it_says_what_the_settings_do(
    says: Callable[..., str], env: dict[str, str], said: set[str]
) -> None:
    page = says(**env)
    assert {passage for passage in PASSAGES if passage in page} == said
    assert "settings." not in page


def test_it_states_how_long_words_are_kept(says: Callable[..., str]) -> None:
    page = says(RETENTION_DAYS="45", QUARANTINE_RETENTION_DAYS="7")
    assert "We keep what you wrote for 45 days" in page
    assert "spam is erased after 7 days" in page


@pytest.fixture
def bare(clinic_dir: Path, tmp_path: Path) -> Path:
    """The demo clinic without a basemap."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for one in clinic_dir.iterdir():
        if one.name != "basemap.pmtiles":
            (folder / one.name).symlink_to(one)
    return folder


@pytest.mark.parametrize(("tiles", "said"), [("https://t.example/{z}/{x}/{y}", True), ("", False)])
def test_it_tells_of_streets_from_elsewhere_where_the_button_is(
    says: Callable[..., str],
    make_app: Callable[..., Flask],
    bare: Path,
    tiles: str,
    said: bool,  # noqa: FBT001
) -> None:
    env = {"CLINIC_DIR": str(bare), "MAP_TILES_URL": tiles}
    assert (ELSEWHERE in says(**env)) == said
    assert (OWN in says(**env)) != said
    button = make_app(**env).test_client().get("/location").text
    assert ("show-streets" in button) == said


@pytest.mark.parametrize("kept", ["full", "contact", "minimal"])
def test_eighth_graders_can_read_each_of_its_forms(clinic_dir: Path, kept: str) -> None:
    page = (clinic_dir / "pages" / "privacy.md").read_text(encoding="utf-8")
    others = "|".join({"full", "contact", "minimal"} - {kept})
    page = re.sub(
        rf"::: when settings\.notification_detail_({others})\n.*?\n:::\n", "", page, flags=re.DOTALL
    )
    assert grade(sentences(page)) <= 8
