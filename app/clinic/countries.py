"""What depends on a clinic's country: phone numbers, crisis lines, addresses, time zones.

Countries are codes of ISO 3166-1, such as US.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

FOLDER = Path(__file__).parent
# Digits of a short number, such as 15, 911, 116 123 or 838255.
SHORT_NUMBER = re.compile(r"[0-9]{2,6}")
SEPARATORS = re.compile(r"[\s().\-]")
SUBSCRIBER_NUMBERS = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
)
# Where the table has another name: "Britain (UK)", "Korea (South)".
MORE_NAMES = {
    "united kingdom": "GB",
    "great britain": "GB",
    "united states of america": "US",
    "usa": "US",
    "south korea": "KR",
}
DEFAULT_ADDRESS_FORMAT = "A|C, S Z"
ADDRESS_FIELD = re.compile(r"([^ACSZ]*)([ACSZ])")


def is_country(code: str) -> bool:
    return code in phonenumbers.SUPPORTED_REGIONS


def country_code(text: str) -> str | None:
    """Return the code of a country, from the code itself or its English name; None if unknown."""
    code = _codes().get(text.strip().casefold(), text.strip().upper())
    return code if is_country(code) else None


@cache
def _codes() -> dict[str, str]:
    """The codes of ISO 3166 by English name, from the table of the tz database."""
    rows = (line.split("\t") for line in _tz_table("iso3166.tab"))
    return {name.casefold(): code for code, name in rows} | MORE_NAMES


def dial(number: str, country: str) -> str:
    """Return ``number`` as a ``tel:`` link needs it: in E.164, or as it is if it is short.

    Raises ValueError when it is not a phone number of ``country``.
    """
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        parsed = None
    digits = SEPARATORS.sub("", number)
    if SHORT_NUMBER.fullmatch(digits) and not _is_subscriber_number(parsed, digits):
        return digits
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        other = "write a number of another country with + and its country code"
        raise ValueError(f"{number!r} is not a phone number in {country}; {other}")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def _is_subscriber_number(parsed: PhoneNumber | None, digits: str) -> bool:
    """Whether ``digits`` are a whole number, as on islands, and not part of one."""
    return (
        parsed is not None
        and str(parsed.national_number) == digits
        and phonenumbers.number_type(parsed) in SUBSCRIBER_NUMBERS
    )


def example_phone(country: str) -> str:
    """Return libphonenumber's example of a number in ``country``, as people write it there."""
    example = phonenumbers.example_number(country)
    assert example  # there is one for each of SUPPORTED_REGIONS
    return phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)


def is_emergency_number(number: str, country: str) -> bool:
    return phonenumbers.is_emergency_number(SEPARATORS.sub("", number), country)


def crisis_lines(country: str) -> list[dict[str, str]]:
    """Return the known crisis lines of ``country``, the emergency number first. Often empty.

    Each has the entries of clinic.toml, and ``source``: where the number was checked.
    """
    return [dict(line) for line in _read("crisis_lines.toml").get(country, ())]


def address_lines(
    country: str, street: Iterable[str], city: str, region: str | None, postal_code: str | None
) -> tuple[str, ...]:
    """Return the lines of a postal address, in the order of ``country``."""
    values = {"C": city, "S": region, "Z": postal_code}
    lines: list[str] = []
    for line in address_format(country).split("|"):
        if line == "A":
            lines += street
        elif text := _join(line, values):
            lines.append(text)
    return tuple(lines)


def _join(line: str, values: Mapping[str, str | None]) -> str:
    """``line`` with its values; a missing one also takes the separator before it away."""
    text = ""
    for separator, field in ADDRESS_FIELD.findall(line):
        if value := values[field]:
            text += f"{separator if text else ''}{value}"
    return text


def address_format(country: str) -> str:
    """Return the format of ``address_formats.toml`` for ``country``."""
    formats = _read("address_formats.toml").items()
    return next((text for text, codes in formats if country in codes), DEFAULT_ADDRESS_FORMAT)


@cache
def time_zones(country: str) -> tuple[str, ...]:
    """Return the time zones of ``country``, from the table of the tz database."""
    rows = (line.split("\t") for line in _tz_table("zone.tab"))
    return tuple(zone for code, _, zone, *_ in rows if code == country)


def _tz_table(name: str) -> list[str]:
    text = (resources.files("tzdata.zoneinfo") / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
