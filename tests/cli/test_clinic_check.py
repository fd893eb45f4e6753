"""``flask clinic check``."""

import codecs
import gzip
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import mapbox_vector_tile
import pytest
import time_machine
from click.testing import CliRunner, Result

from app.cli.clinic import clinic as commands
from app.diagnostics.clinic import check_clinic_folder
from app.diagnostics.result import CheckResult, Level
from tests.location.conftest import write_basemap

Change = Callable[[str, str, str], None]
DEMO_CHECKS = [
    "clinic", "phones", "mailboxes", "hours", "facts", "review", "crisis", "pages", "figures",
    "references", "reading", "redirects", "logo", "drawing", "social card", "basemap",
]  # fmt: skip

CRISIS_LINE = '[[crisis_lines]]\nname = "Samaritans"\nphone = "116 123"\nwhen = "any time"\n'


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


def check(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["check", *arguments])


def of(name: str, folder: Path) -> list[CheckResult]:
    return [one for one in check_clinic_folder(folder) if one.check == name]


def test_every_check_runs_on_the_demo_and_none_fails(clinic_dir: Path) -> None:
    findings = check_clinic_folder(clinic_dir)
    assert list(dict.fromkeys(one.check for one in findings)) == DEMO_CHECKS
    assert [one for one in findings if one.level is Level.FAILED] == []


@pytest.mark.parametrize(
    ("changed", "name", "message"),
    [
        (("clinic.toml", "monday = [", "moonday = ["), "clinic", "locations[0].hours"),
        (
            ("clinic.toml", "closes = 17:00:00", "closes = 09:00:00"),
            "clinic",
            "opens and closes are the same",
        ),
        (("pages/questions.md", "(#what-else-is-there)", "(#nowhere)"), "pages", "no such heading"),
        (
            ("pages/questions.md", "[@lifeline-988]", "[@nobody]"),
            "pages",
            "nobody is cited but not in references.toml",
        ),
        (("references.toml", 'doi = "10.1124', 'doi = "11.1124'), "pages", "zanos-2018.doi"),
        (("figures/effect-duration.toml", "hours = 24", "hours = 99"), "pages", "driving.hours"),
        (("redirects.toml", '"/evidence"', '"/proof"'), "redirects", "/proof is not a page"),
        (("logo.svg", "</svg>", ""), "logo", "no element found"),
        (("illustration.svg", "<!-- A", "<script/><!-- A"), "drawing", "must not contain scripts"),
        (
            ("clinic.toml", "[digest]", '[theme]\naction = "#6fb1a8"\n[digest]'),
            "clinic",
            "theme.action: #6fb1a8 has a contrast of 2.0:1",
        ),
        (("clinic.toml", "0.00180", "0,00180"), "clinic", "a decimal point, not a comma"),
    ],
)
def test_a_failure_names_file_and_line_and_exits_with_status_1(
    change: Change, folder: Path, changed: tuple[str, str, str], name: str, message: str
) -> None:
    change(*changed)
    result = check(str(folder))
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if message in line]
    assert line.startswith("failed")
    assert name in line
    assert f"{folder}/{changed[0]}:" in line


@pytest.mark.parametrize(
    ("changed", "name", "message"),
    [
        (("clinic.toml", '"212-555-0142"', '"211-911-0142"'), "phones", "not a valid number in US"),
        (
            ("clinic.toml", "closes = 16:00:00", "closes = 04:00:00"),
            "hours",
            "opens at 09:00 and closes at 04:00 on the next day",
        ),
        (
            ("clinic.toml", "[links]", f"{CRISIS_LINE}[links]"),
            "crisis",
            "no crisis line is an emergency number of US",
        ),
        (("clinic.toml", "fallback_mailbox =", "# "), "mailboxes", "that another mailbox refuses"),
        (("clinic.toml", "escalate_to =", "# "), "mailboxes", "that stays unanswered"),
        (
            (
                "clinic.toml",
                '[digest]\nat = 07:30:00\nmailboxes = ["manager@nullharbor.example"]',
                "",
            ),
            "mailboxes",
            "the spam filter is off",
        ),
        (
            ("clinic.toml", "latitude = 0.00180", "latitude = 3.00180"),
            "basemap",
            "no streets at Quay",
        ),
        (
            ("references.toml", 'doi = "10.1124/pr.117.015198"\npmid = "29945898"', ""),
            "references",
            "zanos-2018 has no link",
        ),
        (
            (
                "pages/accessibility.md",
                "Everyone should be able to read this website and contact us.",
                "Notwithstanding pharmacological considerations, institutional confidentiality "
                "necessitates comprehensive documentation of individual authorizations." * 9,
            ),
            "reading",
            "hardest: Notwithstanding pharma",
        ),
    ],
)
def test_what_is_valid_but_not_good_enough_is_a_warning(
    change: Change, folder: Path, changed: tuple[str, str, str], name: str, message: str
) -> None:
    change(*changed)
    [found] = [one for one in of(name, folder) if message in one.message]
    assert found.level is Level.WARNING
    assert found.advice


@pytest.mark.parametrize(("today", "levels"), [(4, [Level.OK]), (5, [Level.WARNING])])
def test_having_only_past_closed_days_is_a_warning(
    change: Change, folder: Path, today: int, levels: list[Level]
) -> None:
    change("clinic.toml", "closed = [", 'closed = [{ date = 2130-07-04, reason = "Holiday" },')
    with time_machine.travel(datetime(2130, 7, today, 12, tzinfo=UTC), tick=False):
        assert [finding.level for finding in of("hours", folder)] == levels


def test_a_clinic_abroad_without_crisis_lines_fails(change: Change, folder: Path) -> None:
    change("clinic.toml", 'country = "US"', 'country = "GB"')
    for number in ("0142", "0176"):
        change("clinic.toml", f'"212-555-{number}"', f'"+1 212-555-{number}"')
    [found] = of("crisis", folder)
    assert found.level is Level.FAILED
    assert "add [[crisis_lines]] with the emergency number and a crisis line of GB" in found.message
    assert check(str(folder)).exit_code == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("basemap.pmtiles", "without a map"),
        ("social-card.png", "without an im"),
        ("illustration.svg", "without one"),
    ],
)
def test_images_may_be_missing(folder: Path, file: str, message: str) -> None:
    (folder / file).unlink()
    assert any(message in one.message for one in check_clinic_folder(folder))
    assert check(str(folder)).exit_code == 0


def test_a_social_card_of_the_wrong_size_fails(folder: Path) -> None:
    (folder / "social-card.png").write_bytes(b"GIF89a")
    [found] = of("social card", folder)
    assert found.level is Level.FAILED
    assert "1200 by 630" in found.message


LINE = "LINESTRING(0 0, 4096 4096)"
OTHER_SCHEMAS = {
    "OpenMapTiles": (
        {"transportation": {"class": "minor"}, "building": {}, "place": {"name": "A"}},
        (
            "it has no layers buildings, earth, landuse, places, pois, roads, water,"
            " but building, place, transportation"
        ),
    ),
    "Protomaps 3": (
        {"roads": {"pmap:kind": "minor_road"}, "earth": {}, "places": {"name": "A"}},
        "roads has no attribute kind; places has no attribute kind",
    ),
    "own": (
        {"roads": {"kind": "street"}, "earth": {}},
        "no road is of a kind that is drawn, but street",
    ),
    "Protomaps 4, in the country": ({"roads": {"kind": "minor_road"}, "earth": {}}, ""),
}


@pytest.mark.parametrize("schema", [*OTHER_SCHEMAS, "not a tile"])
def test_a_basemap_that_the_map_cannot_draw_is_a_warning(folder: Path, schema: str) -> None:
    layers, message = OTHER_SCHEMAS.get(schema, ({}, "not a vector tile (BadGzipFile)"))
    content = [
        {"name": name, "features": [{"geometry": LINE, "properties": properties}]}
        for name, properties in layers.items()
    ]
    tile = gzip.compress(mapbox_vector_tile.encode(content)) if layers else b"<html>"
    places = {(15, 16384, 16383), (15, 16384, 16384), (15, 16383, 16383), (15, 16383, 16384)}
    write_basemap(folder / "basemap.pmtiles", dict.fromkeys(places, tile))
    messages = [one.message for one in of("basemap", folder) if "Quay" in one.message]
    assert messages == ([f"the map of Quay Street is incomplete: {message}"] if message else [])


def test_pages_are_checked_even_if_clinic_toml_is_invalid(change: Change, folder: Path) -> None:
    change("clinic.toml", "\ndemo = true", "\ndemo = ")
    change("pages/questions.md", "(#what-else-is-there)", "(#nowhere)")
    failures = [one.check for one in check_clinic_folder(folder) if one.level is Level.FAILED]
    assert failures == ["clinic", "pages"]


@pytest.mark.parametrize(
    ("files", "last_line", "status"),
    [
        ({}, "Ready for production", 0),
        ({"clinic.toml": "# FILL IN"}, "Not ready: 1 mark left", 1),
        ({"clinic.toml": "# FILL IN\n# FILL IN: read this"}, "Not ready: 2 marks left", 1),
        ({"clinic.toml": "# FILL IN", "logo.svg": "<"}, "Not ready: 1 failed, 1 mark left", 1),
    ],
)
def test_last_line_says_whether_production_would_start(
    change: Change, folder: Path, files: dict[str, str], last_line: str, status: int
) -> None:
    change("clinic.toml", "demo = true\n", "")
    for name, more in files.items():
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{more}\n")
    result = check("--ready", str(folder))
    assert result.output.splitlines()[-1] == last_line
    assert result.exit_code == status
    assert check(str(folder)).exit_code == ("failed" in last_line)


def test_the_demo_clinic_is_not_ready(clinic_dir: Path) -> None:
    result = check("--ready", str(clinic_dir))
    assert result.output.splitlines()[-1] == "Not ready: this is the demo clinic"
    assert result.exit_code == 1


def test_facts_that_visitors_ask_for_are_listed_if_missing(change: Change, folder: Path) -> None:
    change("clinic.toml", 'fasting = "', '# fasting = "')
    change("clinic.toml", 'hipaa_notice = "', '# hipaa_notice = "')
    [found] = of("facts", folder)
    assert found.level is Level.WARNING
    assert found.message.endswith("[care] fasting; hipaa_notice in [links]")


def test_price_that_is_no_amount_is_named_with_its_line(change: Change, folder: Path) -> None:
    change("clinic.toml", 'amount = "$500"', 'amount = "call us"')
    [found] = of("clinic", folder)
    assert found.level is Level.FAILED
    lines = (folder / "clinic.toml").read_text(encoding="utf-8").splitlines()
    assert "call us" in lines[found.line - 1]
    assert "'call us' is not an amount; write it with its currency" in found.message


def test_json_contains_file_and_line(change: Change, folder: Path) -> None:
    change("pages/questions.md", "(#what-else-is-there)", "(#nowhere)")
    found = json.loads(check(str(folder), "--json").stdout)
    [failure] = [one for one in found if one["level"] == "failed"]
    line = (folder / "pages" / "questions.md").read_text(encoding="utf-8").split("\n")
    assert failure["file"] == str(folder / "pages" / "questions.md")
    assert "(#nowhere)" in line[failure["line"] - 1]
    assert failure["advice"]


def test_what_editors_and_systems_leave_behind_is_no_fault(folder: Path) -> None:
    before = check_clinic_folder(folder)
    for file in [*folder.glob("*.toml"), *folder.glob("*/*.*")]:
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    for place in (folder, folder / "pages", folder / "figures"):
        for file in [*place.glob("*.toml"), *place.glob("*.md")]:
            (place / f"._{file.name}").write_bytes(b"\x00\x05\x16\x07 Mac OS X \xff")
            (place / f".#{file.name}").symlink_to("someone@host.1234:1700000000")
    assert check_clinic_folder(folder) == before


def test_streets_shows_the_command_with_a_box_around_every_location(folder: Path) -> None:
    shown = CliRunner().invoke(commands, ["streets", str(folder), "--build", "20270131"])
    assert shown.exit_code == 0
    program, _, url, target, box, zoom = shown.stdout.split()[:6]
    assert (program, url) == ("pmtiles", "https://build.protomaps.com/20270131.pmtiles")
    assert (target, zoom) == (str(folder / "basemap.pmtiles"), "--maxzoom=15")
    west, south, east, north = map(float, box.removeprefix("--bbox=").split(","))
    assert west < -0.0054 - 0.02 and east > 0.0031 + 0.02  # noqa: PT018
    assert south < 0.0018 - 0.02 and north > 0.0092 + 0.02  # noqa: PT018


def test_streets_runs_the_program_and_says_what_to_do_if_it_fails(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = CliRunner().invoke(commands, ["streets", str(folder), "--run"])
    assert (missing.exit_code, "pmtiles is not installed: get it at" in missing.output) == (1, True)
    program = tmp_path / "pmtiles"
    program.write_text('#!/bin/sh\necho extracted "$3" > "$3"\n')
    program.chmod(0o755)
    (folder / "basemap.pmtiles").unlink()
    done = CliRunner().invoke(commands, ["streets", str(folder), "--run"])
    assert done.exit_code == 0
    assert (folder / "basemap.pmtiles").read_text().startswith("extracted")
    program.write_text("#!/bin/sh\nexit 3\n")
    failed = CliRunner().invoke(commands, ["streets", str(folder), "--run"])
    assert (failed.exit_code, "choose another --build" in failed.output) == (1, True)


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    result = check(str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "No such file" in result.output
