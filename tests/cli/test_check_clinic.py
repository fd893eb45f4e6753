"""``flask clinic check``: every part of a clinic's folder, each fault with its place."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result

from app.cli.clinic import clinic as commands
from app.diagnostics.clinic import check_clinic_folder
from app.diagnostics.result import CheckResult, Level

Change = Callable[[str, str, str], None]
DEMO_PARTS = [
    "identity", "phones", "mailboxes", "hours", "review", "danger", "pages", "figures",
    "references", "reading", "redirects", "logo", "social card", "basemap",
]  # fmt: skip


@pytest.fixture
def folder(clinic_dir: Path, tmp_path: Path) -> Path:
    """A copy of the demo clinic."""
    shutil.copytree(clinic_dir, tmp_path / "ours")
    return tmp_path / "ours"


@pytest.fixture
def change(folder: Path) -> Change:
    def change(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def check(*words: str) -> Result:
    return CliRunner().invoke(commands, ["check", *words])


def of(part: str, folder: Path) -> list[CheckResult]:
    return [one for one in check_clinic_folder(folder) if one.check == part]


def test_the_demo_has_every_part_looked_at_and_no_fault(clinic_dir: Path) -> None:
    findings = check_clinic_folder(clinic_dir)
    assert list(dict.fromkeys(one.check for one in findings)) == DEMO_PARTS
    assert [one for one in findings if one.level is Level.FAILED] == []


@pytest.mark.parametrize(
    ("changed", "part", "said"),
    [
        (("clinic.toml", "monday = [", "moonday = ["), "identity", "locations[0].hours"),
        (
            ("clinic.toml", "opens = 09:00:00", "opens = 18:00:00"),
            "identity",
            "earlier than closes",
        ),
        (("pages/questions.md", "(#what-else-is-there)", "(#nowhere)"), "pages", "no such heading"),
        (
            ("pages/questions.md", "[@lifeline-988]", "[@nobody]"),
            "pages",
            "nobody is cited but not",
        ),
        (("references.toml", 'doi = "10.1124', 'doi = "11.1124'), "pages", "zanos-2018.doi"),
        (("figures/hours.toml", "hours = 24", "hours = 99"), "pages", "driving.hours"),
        (("redirects.toml", '"/evidence"', '"/proof"'), "redirects", "/proof is not a page"),
        (("logo.svg", "</svg>", ""), "logo", "no element found"),
    ],
)
def test_a_fault_has_its_place_and_ends_with_status_1(
    change: Change, folder: Path, changed: tuple[str, str, str], part: str, said: str
) -> None:
    change(*changed)
    result = check(str(folder))
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if said in line]
    assert line.startswith("failed")
    assert part in line
    assert f"{folder}/{changed[0]}:" in line


@pytest.mark.parametrize(
    ("changed", "part", "said"),
    [
        (("clinic.toml", '"212-555-0142"', '"211-911-0142"'), "phones", "not in use in US"),
        (("clinic.toml", "fallback_mailbox =", "# "), "mailboxes", "what another one refuses"),
        (
            (
                "clinic.toml",
                '[digest]\nat = 07:30:00\nmailboxes = ["manager@nullharbor.example"]',
                "",
            ),
            "mailboxes",
            "screening is idle",
        ),
        (
            ("clinic.toml", "latitude = 0.00180", "latitude = 3.00180"),
            "basemap",
            "no streets at Quay",
        ),
        (
            ("references.toml", 'doi = "10.1124/pr.117.015198"\npmid = "29945898"', ""),
            "references",
            "zanos-2018 has no address",
        ),
        (
            (
                "pages/accessibility.md",
                "Everyone should be able to read this site and reach us.",
                "Notwithstanding pharmacological considerations, institutional confidentiality "
                "necessitates comprehensive documentation of individual authorizations." * 9,
            ),
            "reading",
            "hardest: Notwithstanding pharma",
        ),
    ],
)
def test_what_visitors_would_miss_is_a_warning(
    change: Change, folder: Path, changed: tuple[str, str, str], part: str, said: str
) -> None:
    change(*changed)
    [found] = [one for one in of(part, folder) if said in one.message]
    assert found.level is Level.WARNING
    assert found.advice


@pytest.mark.parametrize(("today", "levels"), [(4, [Level.OK]), (5, [Level.WARNING])])
def test_no_upcoming_closed_day_is_a_warning(
    change: Change, folder: Path, today: int, levels: list[Level]
) -> None:
    change("clinic.toml", "closed = [", 'closed = [{ date = 2130-07-04, reason = "Holiday" },')
    with time_machine.travel(datetime(2130, 7, today, 12, tzinfo=UTC), tick=False):
        assert [finding.level for finding in of("hours", folder)] == levels


@pytest.mark.parametrize(
    ("file", "said"), [("basemap.pmtiles", "plain ground"), ("social-card.png", "without a pict")]
)
def test_pictures_may_be_missing(folder: Path, file: str, said: str) -> None:
    (folder / file).unlink()
    assert any(said in one.message for one in check_clinic_folder(folder))
    assert check(str(folder)).exit_code == 0


def test_a_social_card_of_another_size_is_a_fault(folder: Path) -> None:
    (folder / "social-card.png").write_bytes(b"GIF89a")
    [found] = of("social card", folder)
    assert found.level is Level.FAILED
    assert "1200 by 630" in found.message


def test_where_clinic_toml_is_broken_the_words_are_checked_all_the_same(
    change: Change, folder: Path
) -> None:
    change("clinic.toml", "\ndemo = true", "\ndemo = ")
    change("pages/questions.md", "(#what-else-is-there)", "(#nowhere)")
    faults = [one.check for one in check_clinic_folder(folder) if one.level is Level.FAILED]
    assert faults == ["identity", "pages"]


def test_programs_get_file_and_line(change: Change, folder: Path) -> None:
    change("pages/questions.md", "(#what-else-is-there)", "(#nowhere)")
    found = json.loads(check(str(folder), "--json").stdout)
    [fault] = [one for one in found if one["level"] == "failed"]
    line = (folder / "pages" / "questions.md").read_text(encoding="utf-8").split("\n")
    assert fault["file"] == str(folder / "pages" / "questions.md")
    assert "(#nowhere)" in line[fault["line"] - 1]
    assert fault["advice"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = check(str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "No such file" in result.output
