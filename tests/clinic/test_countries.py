"""Phone numbers, crisis lines and addresses by country."""

import tomllib
from collections import Counter

import phonenumbers
import pytest

from app.clinic import countries
from app.clinic.models import CrisisLine

FORMATS = tomllib.loads((countries.FOLDER / "address_formats.toml").read_text(encoding="utf-8"))
LINES = tomllib.loads((countries.FOLDER / "crisis_lines.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("number", "country", "dialed"),
    [
        ("911", "US", "911"),
        ("9-8-8", "CA", "988"),
        ("112", "DE", "112"),
        ("15", "FR", "15"),
        ("113", "NL", "113"),
        ("1813", "BE", "1813"),
        ("116 123", "GB", "116123"),
        ("116123", "JE", "116123"),  # where six digits without an area code are a number, too
        ("13 11 14", "AU", "131114"),
        ("838255", "US", "838255"),
        ("0800 32 123", "BE", "+3280032123"),
        ("0120-279-338", "JP", "+81120279338"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("20 12 34", "FO", "+298201234"),  # no number there is longer
    ],
)
def test_a_short_number_is_dialed_as_it_is_and_others_in_e164(
    number: str, country: str, dialed: str
) -> None:
    assert countries.dial(number, country) == dialed


@pytest.mark.parametrize("number", ["", "5", "call us", "12345678", "020 7946 0958"])
def test_other_text_is_not_a_phone_number(number: str) -> None:
    with pytest.raises(ValueError, match="is not a phone number in US"):
        countries.dial(number, "US")


def test_each_known_country_has_its_emergency_number_and_a_sourced_crisis_line() -> None:
    for country, lines in LINES.items():
        emergency, *others = [CrisisLine.model_validate(line) for line in lines]
        assert countries.is_emergency_number(emergency.phone, country), country
        assert others, country
        for line in others:
            assert line.source, (country, line.name)
            dialed = countries.dial(line.phone, country)
            if dialed.startswith("+"):
                assert phonenumbers.is_valid_number(phonenumbers.parse(dialed)), line


@pytest.mark.parametrize(
    ("country", "lines"),
    [
        ("US", ("12 Quay Street", "Second floor", "Salem, OR 97301")),
        ("CA", ("12 Quay Street", "Second floor", "Salem OR 97301")),
        ("GB", ("12 Quay Street", "Second floor", "Salem", "97301")),
        ("DE", ("12 Quay Street", "Second floor", "97301 Salem")),
        ("IT", ("12 Quay Street", "Second floor", "97301 Salem OR")),
        ("JP", ("12 Quay Street", "Second floor", "Salem, OR 97301")),
        ("BR", ("12 Quay Street", "Second floor", "Salem-OR", "97301")),
        ("HU", ("Salem", "12 Quay Street", "Second floor", "97301")),
        ("AO", ("12 Quay Street", "Second floor", "Salem, OR 97301")),  # not in the table
    ],
)
def test_an_address_has_the_order_of_its_country(country: str, lines: tuple[str, ...]) -> None:
    street = ("12 Quay Street", "Second floor")
    assert countries.address_lines(country, street, "Salem", "OR", "97301") == lines


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "last"),
    [
        ("US", None, None, "Salem"),
        ("US", "OR", None, "Salem, OR"),
        ("US", None, "97301", "Salem 97301"),
        ("DE", None, None, "Salem"),
        ("MX", "OR", None, "Salem, OR"),
        ("BR", None, "97301", "97301"),
        ("GB", None, None, "Salem"),
        ("HU", None, None, "1 Pier"),
    ],
)
def test_missing_parts_of_an_address_leave_nothing_behind(
    country: str, region: str | None, postal_code: str | None, last: str
) -> None:
    lines = countries.address_lines(country, ("1 Pier",), "Salem", region, postal_code)
    assert lines[-1] == last


def test_each_country_has_one_address_format_with_a_street_and_a_city() -> None:
    listed = Counter(country for codes in FORMATS.values() for country in codes)
    assert [country for country, count in listed.items() if count > 1] == []
    assert [country for country in listed if not countries.is_country(country)] == []
    for text in FORMATS:
        assert "A" in text.split("|")
        assert "C" in text


def test_time_zones_of_a_country() -> None:
    assert countries.time_zones("JP") == ("Asia/Tokyo",)
    assert "America/Toronto" in countries.time_zones("CA")
