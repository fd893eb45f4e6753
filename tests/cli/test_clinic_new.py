"""``flask clinic new``, and commands without settings."""

import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import create_app
from app.cli.clinic import clinic
from app.cli.version import show_version
from app.clinic import ClinicError, load_clinic, scaffold
from app.clinic.opening_hours import hours_lines
from app.clinic.placeholders import PLACEHOLDER
from app.contact.emails import acknowledgement_email
from app.diagnostics.clinic import check_clinic_folder
from app.diagnostics.result import Level
from app.version import version
from config import ROOT
from tests.support.settings import NO_ENV_FILE, settings_for

# What visitors read: without scripts, styles and attributes.
VISIBLE = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
JSON_LD = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
FLASK = [str(Path(sys.executable).parent / "flask"), "--app", "wsgi"]
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **NO_ENV_FILE}  # no setting of ours
ALL = {
    "country": "US",
    "name": 'Harbor "Q" Clinic',
    "tagline": "Care by the sea",
    "phone": "646-397-1234",
    "email": "hello@harbor-clinic.com",
    "mailbox": "desk@harbor-clinic.com",
    "time_zone": "America/Chicago",
    "street": "9 Pier Road",
    "city": "Harbor",
    "region": "IL",
    "postal_code": "60601",
    "latitude": "41.88",
    "longitude": "-87.62",
}
LONDON = {
    "country": "gb",
    "name": "Thames Clinic",
    "phone": "020 7946 0958",
    "email": "hello@thames-clinic.co.uk",
    "mailbox": "desk@thames-clinic.co.uk",
    "street": "9 Pier Road",
    "city": "London",
    "postal_code": "SE1 9RT",
    "latitude": "51.5",
    "longitude": "-0.1",
}
MONTREAL = LONDON | {
    "country": "CA",
    "phone": "514-555-0123",
    "time_zone": "America/Toronto",
    "city": "Montréal",
    "region": "QC",
    "postal_code": "H2Y 1C6",
}
TOKYO = LONDON | {
    "country": "JP",
    "phone": "03-1234-5678",
    "city": "Chiyoda-ku",
    "region": "Tokyo",
    "postal_code": "100-0005",
}
PRODUCTION = {
    "APP_ENV": "production",
    "TRUSTED_PROXIES": "1",
    "BASE_URL": "https://harbor-clinic.com",
    "MAIL_DEFAULT_SENDER": "site@harbor-clinic.com",
}


def flask(*arguments: str, env: Mapping[str, str] = BARE) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*FLASK, *arguments],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def test_new_works_without_settings_and_its_result_passes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    made = flask("clinic", "new", str(folder), "--name", ALL["name"])
    assert made.returncode == 0, made.stderr
    assert f"make run CLINIC_DIR={folder}" in made.stdout
    assert load_clinic(folder).name == ALL["name"]
    checked = flask("clinic", "check", str(folder))
    assert checked.returncode == 0, checked.stdout
    assert "Failed: 0" in checked.stdout
    assert f"{folder}/clinic.toml:11: still to fill in: email" in checked.stdout
    assert f"{folder}/clinic.toml:12: still to fill in: country" in checked.stdout


@pytest.mark.parametrize("there", ["file", "folder"])
def test_existing_files_are_not_changed(tmp_path: Path, there: str) -> None:
    place = tmp_path / "ours"
    if there == "folder":
        place.mkdir()
    (place / "notes.txt" if there == "folder" else place).write_text("mine")
    before = snapshot(tmp_path)
    made = CliRunner().invoke(clinic, ["new", str(place)])
    assert made.exit_code == 1
    assert "is not empty, so nothing was changed" in made.output
    assert snapshot(tmp_path) == before


def test_a_folder_with_only_hidden_files_is_as_good_as_new(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert CliRunner().invoke(clinic, ["new", str(tmp_path)]).exit_code == 0
    assert load_clinic(tmp_path)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("country", "UK", "unknown country 'UK'"),
        ("phone", "call us", "--phone: 'call us' is not a phone number"),
        ("phone", "020 7946 0958", "not a phone number in US; write a number of another country"),
        ("email", "nobody", "valid email"),
        ("time_zone", "Chicago", "unknown time zone"),
        ("latitude", "north", "not a number"),
        ("latitude", "41,88", "write a decimal point, not a comma"),
        ("latitude", "91", "--latitude: should be less than or equal to 85"),
        ("hours", "Mon 9", "--hours: 'Mon 9' is not days and times"),
        ("hours", "Fri-Mon 9-17", "begin with the earlier day"),
        ("hours", "Mon 25-26", "hour must be in"),
        (
            "hours",
            "Mon-Fri 9-5",
            "'Mon-Fri 9-5' would close at 5 in the morning: write 9am-5pm or 09:00-17:00",
        ),
        ("hours", "Mon 8-12, 1-5", "write 1pm-5pm or 13:00-17:00"),
        ("hours", "Mon 12-6", "write 12pm-6pm or 12:00-18:00"),
        ("hours", "9-17", "'9-17' is not days and times: write Mon-Fri 9am-noon, 1pm-5pm, Sat"),
        ("name", "two\nlines", "match"),
        ("name", "", "at least 1"),
    ],
)
def test_an_invalid_answer_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, wrong: str, said: str
) -> None:
    with pytest.raises(scaffold.ScaffoldError, match=said):
        scaffold.write_clinic(tmp_path / "ours", {**ALL, name: wrong})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Mon-Tue 9-17", ("Mon, Tue: 9 am to 5 pm",)),
        ("Mon 09.00-17.30; Tue 9.00am-1pm", ("Mon: 9 am to 5:30 pm", "Tue: 9 am to 1 pm")),
        (
            "Mon-Thu 8:30-13:00, 14:00-18:00, Fri 9am-noon",
            ("Mon to Thu: 8:30 am to 1 pm, 2 pm to 6 pm", "Fri: 9 am to noon"),
        ),
        ("Fri 18:00-02:00, Sat 6pm-2am", ("Fri, Sat: 6 pm to 2 am",)),
        ("Fri 18-2", ("Fri: 6 pm to 2 am",)),
    ],
)
def test_hours_are_read_as_people_write_them(
    tmp_path: Path, typed: str, read: tuple[str, ...]
) -> None:
    scaffold.write_clinic(tmp_path / "ours", {**ALL, "hours": typed})
    assert hours_lines(load_clinic(tmp_path / "ours").locations[0]) == read


@pytest.mark.parametrize(
    ("typed", "code"),
    [("de", "DE"), ("new zealand", "NZ"), ("United Kingdom", "GB"), ("USA", "US")],
)
def test_a_country_may_be_written_in_english(tmp_path: Path, typed: str, code: str) -> None:
    scaffold.write_clinic(tmp_path / "ours", {"country": typed})
    assert load_clinic(tmp_path / "ours").country == code


def test_nothing_is_written_if_the_pages_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaffold, "DEMO_CLINIC", tmp_path / "clinic")
    with pytest.raises(scaffold.ScaffoldError, match="full checkout"):
        scaffold.write_clinic(tmp_path / "ours", ALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answers", "address", "numbers"),
    [
        (LONDON, ("London", "SE1 9RT"), ("999", "116 123")),
        (MONTREAL, ("Montréal QC H2Y 1C6",), ("911", "988")),
        (TOKYO, ("Chiyoda-ku, Tokyo 100-0005",), ("119", "0120-279-338")),
    ],
)
def test_a_clinic_in_another_country_has_its_numbers_and_addresses(
    tmp_path: Path, answers: dict[str, str], address: tuple[str, ...], numbers: tuple[str, ...]
) -> None:
    folder = tmp_path / "ours"
    scaffold.write_clinic(folder, answers)
    assert [one for one in check_clinic_folder(folder) if one.level is Level.FAILED] == []
    app = create_app(settings_for(tmp_path, CLINIC_DIR=str(folder)))
    clinic = load_clinic(folder)
    assert clinic.locations[0].address_lines == ("9 Pier Road", *address)
    assert tuple(line.phone for line in clinic.crisis_lines) == numbers
    others = "|".join({"911", "988", "999", "119", "116 123"} - set(numbers))
    foreign = re.compile(rf"\b(?:{others})\b")
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments - set(rule.defaults or ()):
            text = client.get(rule.rule).text
            if "<footer" in text:
                assert all(f"Call {number}" in text for number in numbers), rule
                assert foreign.findall(VISIBLE.sub(" ", text)) == [], rule
    graph = json.loads(JSON_LD.findall(client.get("/location").text)[0])["@graph"][0]
    assert graph["address"]["addressCountry"] == answers["country"].upper()
    assert graph["address"].get("addressRegion") == answers.get("region")
    acknowledgement = acknowledgement_email("ada@example.com", "K7R-4M2", clinic)
    assert acknowledgement
    assert all(number in acknowledgement.text for number in numbers)
    assert not foreign.search(acknowledgement.text)


@pytest.mark.parametrize(("answers", "in_us"), [(ALL, True), (LONDON, False)])
def test_only_a_clinic_in_the_us_is_asked_for_what_us_law_requires(
    tmp_path: Path, answers: dict[str, str], *, in_us: bool
) -> None:
    folder = tmp_path / "ours"
    scaffold.write_clinic(folder, answers)
    consent = load_clinic(folder).text_consent
    assert "I know that text messages are not private" in consent
    assert ("reply STOP" in consent) == in_us
    warnings = [one for one in check_clinic_folder(folder) if one.level is Level.WARNING]
    assert any("hipaa_notice" in one.message for one in warnings) == in_us
    assert not [one for one in warnings if one.check == "references"]
    with (folder / "references.toml").open("a", encoding="utf-8") as file:
        file.write('[own-2027]\ntext = "A source of ours."\nurl = "https://clinic.example/a"\n')
    assert "own-2027 is not cited" in [one.message for one in check_clinic_folder(folder)]


def test_pages_about_us_law_are_warnings_outside_the_us(tmp_path: Path) -> None:
    def found(answers: dict[str, str]) -> dict[str, tuple[int, str]]:
        folder = tmp_path / answers["country"]
        scaffold.write_clinic(folder, answers)
        return {
            Path(one.file).stem: (one.line, one.message)
            for one in check_clinic_folder(folder)
            if "law or insurance of the US" in one.message
        }

    assert found(ALL) == {}
    abroad = found(LONDON)
    assert "privacy" not in abroad, "it speaks of HIPAA in a block for the US only"
    line, message = abroad["costs"]
    text = (tmp_path / "gb" / "pages" / "costs.md").read_text(encoding="utf-8").splitlines()
    assert "out-of-network" in text[line - 1]
    assert message == '"out-of-network" describes the law or insurance of the US'


def test_without_known_crisis_lines_a_preview_starts_and_production_does_not(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "ours"
    answers = {name: text for name, text in TOKYO.items() if name != "phone"}
    scaffold.write_clinic(folder, {**answers, "country": "MN", "time_zone": "Asia/Ulaanbaatar"})
    app = create_app(settings_for(tmp_path, CLINIC_DIR=str(folder)))
    assert "Fill in [[crisis_lines]] in clinic.toml" in app.test_client().get("/contact").text
    [failed] = [one for one in check_clinic_folder(folder) if one.level is Level.FAILED]
    assert failed.check == "crisis"
    delete_marks(folder)
    with pytest.raises(ClinicError, match=r"crisis_lines: missing; add .* of MN"):
        create_app(settings_for(tmp_path, CLINIC_DIR=str(folder), **PRODUCTION))


def delete_marks(folder: Path) -> None:
    for file in folder.rglob("*.*"):
        if file.is_file() and file.suffix in (".toml", ".md"):
            text = file.read_text(encoding="utf-8").replace(PLACEHOLDER, "#")
            file.write_text(text, encoding="utf-8")


def test_production_refuses_placeholders_and_starts_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    scaffold.write_clinic(folder, ALL)
    settings = settings_for(tmp_path, CLINIC_DIR=str(folder), **PRODUCTION)
    with pytest.raises(ClinicError) as refusal:
        create_app(settings)
    lines = str(refusal.value).splitlines()
    assert any("reply_within" in line for line in lines)
    assert any("pages/privacy.md:2" in line for line in lines)
    assert not any("phone" in line or "email" in line for line in lines), "those were answered"
    delete_marks(folder)
    app = create_app(settings)
    html = app.test_client().get("/contact", base_url=PRODUCTION["BASE_URL"]).text
    assert "646-397-1234" in html
    assert "Null Harbor" not in html


def test_new_asks_on_a_terminal_until_answers_are_valid(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*FLASK, "clinic", "new", str(folder), "--tagline", "Care"],
        cwd=ROOT, env=BARE, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    first = [
        "Null Harbor",
        "United Kingdom",
        "Harbor Clinic",
        "call us",
        "020 7946 0958",
        *[""] * 12,
    ]
    second = [
        "North Clinic",
        *[""] * 5,
        "whenever",
        "Mon-Tue 9am to noon, Tue 1pm-5pm",
        "",
        "Two spaces",
    ]
    answers = [*first, "y", *second, "", "n"]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    assert process.wait(60) == 0
    output = os.read(ours, 65536).decode()
    os.close(ours)
    assert "unknown country 'Null Harbor'" in output
    assert "'call us' is not a phone number in GB" in output
    assert "Phone (for example 0121 234 5678):" in output, "the example is from there"
    assert "Postal code:" in output, "no example is better than one of the US"
    assert "Time zone" not in output, "there is only one"
    assert "State" not in output, "addresses have none"
    assert "--hours: 'whenever' is not days and times: write Mon-Fri" in output
    table = tomllib.loads((folder / "clinic.toml").read_text(encoding="utf-8"))
    assert table["name"] == "Harbor Clinic"
    assert table["phone"] == "020 7946 0958"
    assert table["time_zone"] == "Europe/London"
    assert table["tagline"] == "Care"
    first_place, second_place = load_clinic(folder).locations
    assert first_place.parking is None
    assert (second_place.name, second_place.parking) == ("North Clinic", "Two spaces")
    assert hours_lines(second_place) == ("Mon: 9 am to noon", "Tue: 9 am to noon, 1 pm to 5 pm")


def test_a_broken_clinic_can_be_checked_and_help_is_shown(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text("name = \n", encoding="utf-8")
    env = {**BARE, "CLINIC_DIR": str(tmp_path)}
    checked = flask("clinic", "check", env=env)
    assert checked.returncode == 1
    assert f"{tmp_path}/clinic.toml:1: " in checked.stdout
    help_text = flask("outbox", "cancel", "--help", env=env)
    assert help_text.returncode == 0
    assert "Example: flask outbox cancel" in help_text.stdout


def test_version_matches_pyproject_and_changelog() -> None:
    assert CliRunner().invoke(show_version).output == f"Frontdesk {version()}\n"
    assert f'version = "{version()}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"## [{version()}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
