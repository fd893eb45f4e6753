"""Errors in clinic.toml are reported with file, line, key and reason."""

import re
import shutil
from pathlib import Path

import pytest

from app.clinic import ClinicError, load_clinic

NINE_TO_FIVE = "opens = 09:00:00, closes = 17:00:00"
SPECIAL, END = "special_hours = [{ date = 2026-12-25, hours = ", " }]"


def load_error(clinic_dir: Path, folder: Path, old: str, new: str) -> str:
    text = (clinic_dir / "clinic.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "clinic.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ClinicError) as raised:
        load_clinic(folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("latitude = 0.00180", "latitude = 91.0", "locations[0].latitude: Input should be less"),
        ("latitude = 0.00180\nlongitude = 0.00310", "latitude = 0\nlongitude = 0", "both 0"),
        ('"America/New_York"', '"America/Null_Harbor"', "time_zone: unknown time zone"),
        ("monday = [", "moonday = [", "locations[0].hours.moonday: unknown day; write monday"),
        ('key = "general"', 'key = "General"', "topics[0].key: use up to 40 lowercase letters"),
        (
            'email = "hello@nullharbor.example"',
            'email = "hello@nullharbor.example',
            "; is a quotation mark missing at the end of this line?",
        ),
        (NINE_TO_FIVE, "opens = 09:00:00, closes = 09:00:00", "the same; all day is 00:00:00 to"),
        (NINE_TO_FIVE, 'opens = "09:00", closes = 17:00:00', "write a time like 09:00:00"),
        (NINE_TO_FIVE, "opens = 900, closes = 1700", "write a time like 09:00:00"),
        (NINE_TO_FIVE, "opens = 09:00, closes = 17:00", "write times with seconds"),
        (NINE_TO_FIVE, "opens = 18:00:00, closes = 24:00:00", "and midnight as 00:00:00"),
        (
            NINE_TO_FIVE,
            "opens = 20:00:00, closes = 10:00:00",
            "monday closes at 10:00 on tuesday, but tuesday opens at 09:00",
        ),
        ("closes = 13:00:00 }, { opens", "closes = 09:00:00 }, { opens", "closes on the next day"),
        ("date = 2026-12-25", "date = 20261225", "write a date like"),
        (
            'reply_within = "1 business day"',
            'reply_within = "one business day"',
            'reply_within: write a number of business days or hours, such as "1 business day"',
        ),
        ("date = 2026-12-25", "date = 2026-12-25, last_date = 2026-12-24", "is before date"),
        ("at = 07:30:00", "at = 730", "digest.at: write a time like"),
        ("closed = [", f"{SPECIAL}[]{END}\nclosed = [", "list the date in closed"),
        ("closed = [", f"{SPECIAL}[{{ {NINE_TO_FIVE} }}]{END}\nclosed = [", "is listed twice"),
        ("13:00:00 }, { opens = 14", "15:00:00 }, { opens = 14", "14:00 is not after 15:00"),
        ("13:00:00 }, { opens = 14", "13:00:00 }, { opens = 13", "13:00 is not after 13:00"),
        ('mailboxes = ["frontdesk@nullharbor.example"]', "", "topics[0].mailboxes: missing"),
        ('mailboxes = ["frontdesk@nullharbor.example"]', "mailboxes = []", "topics[0].mailboxes"),
        (
            'mailboxes = ["frontdesk@nullharbor.example"]',
            'mailboxes = ["a@x.example", "A@x.example"]',
            "twice",
        ),
        ('email = "hello@', 'email = "büro@', "email: not every mail server"),
        ('country = "US"', 'country = "UK"', "country: unknown country 'UK'; use the two letters"),
        ('country = "US"', "", "country: missing"),
        ('postal_code = "00000"', 'country = "us"', "locations[0].country: unknown country 'us'"),
        ('phone = "212-555-0142"', 'phone = "call us"', "not a phone number"),
        ('phone = "212-555-0142"', 'phone = "12345678"', "not a phone number"),
        (
            "[links]",
            '[[crisis_lines]]\nname="A"\nphone="call us"\nwhen="b"\n[links]',
            "not a phone",
        ),
        (
            "[links]",
            "[spam_filter]\nthreshold = 0\n[links]",
            "spam_filter.threshold: Input should be",
        ),
        (
            "[links]",
            '[spam_filter.weights]\nlink = "many"\n[links]',
            "spam_filter.weights.link: Input",
        ),
        (
            "[links]",
            "[spam_filter.weights]\nlinks = 1\n[links]",
            "spam_filter.weights.links: unknown key",
        ),
        ("[links]", "[spam_filter.weights]\nlink = -1\n[links]", "greater than or equal to 0"),
        ("[links]", "[spam_filter.weights]\nlink = nan\n[links]", "spam_filter.weights.link"),
        ("\ndemo = true", "\ndemo = true\nfax = 3", "fax: unknown key"),
        ("\ndemo = true", "\ndemo = ", "line"),
        (
            "\ndemo = true",
            '\nlanguage = "es"',
            "language: buttons, errors and emails are in English",
        ),
    ],
)
def test_an_error_is_reported_with_key_and_reason(
    clinic_dir: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    error = load_error(clinic_dir, tmp_path, old, new)
    assert re.match(rf"{tmp_path}/clinic.toml:\d+: ", error)
    assert reason in error


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wheelchair_access = ", "lift = "),
        ('phone = "212-555-0176"', "phone = 1"),
        ("tuesday = [{ opens = 10:00:00", "tuesday = [{ opens = 18:00:00"),
        ("date = 2027-01-01", "date = 2027"),
        ("{ date = 2027-11-25", "{ day = 2027-11-25"),
        ("at = 07:30:00", 'at = "dawn"'),
        ('mailboxes = ["manager@nullharbor.example"]', "mailboxes = []"),
        ("\ndemo = true", "\ndemo = "),
        ('key = "hill"', 'key = "quay"'),
        ('email = "hello@nullharbor.example"', 'email = "hello@nullharbor.example'),
    ],
)
def test_an_error_is_reported_with_its_line(
    clinic_dir: Path, tmp_path: Path, old: str, new: str
) -> None:
    error = load_error(clinic_dir, tmp_path, old, new)
    lines = (tmp_path / "clinic.toml").read_text(encoding="utf-8").split("\n")
    number = int(error.removeprefix(f"{tmp_path}/clinic.toml:").split(":")[0])
    assert new.strip() in lines[number - 1]


@pytest.mark.parametrize(
    "line",
    [
        'wheelchair_access = "Level entrance"',
        'phone = "212-555-0142"',
        'closed = [{ date = 2027-12-24, reason = "Holiday" }]',
    ],
)
def test_an_entry_below_the_hours_is_one_error_with_what_to_do(
    clinic_dir: Path, tmp_path: Path, line: str
) -> None:
    error = load_error(clinic_dir, tmp_path, "[locations.hours]\n", f"[locations.hours]\n{line}\n")
    text, name = (tmp_path / "clinic.toml").read_text(encoding="utf-8"), line.partition(" ")[0]
    number = text[: text.index(line, text.index("[locations.hours]"))].count("\n") + 1
    assert error == (
        f"{tmp_path}/clinic.toml:{number}: locations[0].hours.{name}: move this line"
        " above [locations.hours]; below it, only days are read"
    )


def test_two_locations_with_the_same_key_are_named(clinic_dir: Path, tmp_path: Path) -> None:
    error = load_error(clinic_dir, tmp_path, 'key = "hill"', 'key = "quay"')
    assert "locations[1].key: two of [[locations]] have the key quay" in error


@pytest.mark.parametrize(("country", "phones"), [("CA", ["911", "988"]), ("GB", [])])
def test_crisis_lines_are_not_borrowed_from_another_country(
    clinic_dir: Path, tmp_path: Path, country: str, phones: list[str]
) -> None:
    text = (clinic_dir / "clinic.toml").read_text(encoding="utf-8")
    text = text.replace('country = "US"', f'country = "{country}"').replace('"212-', '"+1 212-')
    (tmp_path / "clinic.toml").write_text(text, encoding="utf-8")
    clinic = load_clinic(tmp_path)
    assert [line.phone for line in clinic.crisis_lines] == phones
    assert [place.country for place in clinic.locations] == [country, country]
    assert not any("988lifeline" in str(line.url) for line in clinic.crisis_lines)


def test_all_errors_are_reported_at_once(clinic_dir: Path, tmp_path: Path) -> None:
    error = load_error(clinic_dir, tmp_path, "\ndemo = true", "\ndemo = 3\nfax = 3")
    assert len(error.splitlines()) == 2


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClinicError, match="No such file"):
        load_clinic(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"kms",', '"kms!",', "phrases.english["),
        ('"kms",', '"",', "phrases.english["),
        ('"kms",', '"kms"', "line"),
        ("negation_fillers =", "fillers =", "fillers: unknown key"),
        ("[phrases]", "[phrases]\nenglisch = 3", "phrases.englisch: Input should be a valid tuple"),
    ],
)
def test_an_error_in_the_crisis_phrases_is_reported(
    clinic_dir: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    shutil.copy(clinic_dir / "clinic.toml", tmp_path)
    text = (clinic_dir / "crisis-phrases.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "crisis-phrases.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ClinicError) as raised:
        load_clinic(tmp_path)
    assert re.match(rf"{tmp_path}/crisis-phrases.toml:\d+: ", str(raised.value))
    assert reason in str(raised.value)


def test_a_clinic_without_crisis_phrases_gets_the_default_ones(
    clinic_dir: Path, tmp_path: Path
) -> None:
    shutil.copy(clinic_dir / "clinic.toml", tmp_path)
    assert load_clinic(tmp_path).crisis_phrases == load_clinic(clinic_dir).crisis_phrases


def test_crisis_phrases_belong_in_their_own_file(clinic_dir: Path, tmp_path: Path) -> None:
    error = load_error(
        clinic_dir, tmp_path, "[links]", '[crisis_phrases.phrases]\na = ["bc"]\n[links]'
    )
    assert "crisis_phrases: move this to crisis-phrases.toml" in error
