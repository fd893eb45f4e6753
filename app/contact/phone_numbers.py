"""Phone numbers as people type and paste them, judged by Google's libphonenumber."""

import re
import unicodedata

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher, ValidationResult

from app.contact.invisible_characters import remove_ignorable

MAX_LENGTH = 40  # characters; normalizing longer text may take long
SCHEME = re.compile(r"^tel:", re.IGNORECASE)
SEPARATORS = str.maketrans("·•∙‧⋅_", ".....-")  # that libphonenumber does not know


def clean_phone(text: str) -> str:
    """Return ``text`` without invisible characters and ``tel:``, and with plain digits."""
    if len(text) > MAX_LENGTH:
        return text
    plain = unicodedata.normalize("NFKC", remove_ignorable(text)).translate(SEPARATORS)
    return SCHEME.sub("", plain.strip()).strip()


def e164(text: str, country: str) -> str:
    """Return the one phone number in ``text`` in E.164, or "" if there is none, or several.

    ``country`` is that of a number without a country code. A note or an extension may follow.
    """
    if len(text) > MAX_LENGTH:
        return ""
    try:
        if number := _format(phonenumbers.parse(text, country)):
            return number
    except phonenumbers.NumberParseException:
        pass
    matches = PhoneNumberMatcher(text, country, leniency=Leniency.POSSIBLE)
    numbers = {_format(match.number) for match in matches} - {""}
    return numbers.pop() if len(numbers) == 1 else ""


def _format(number: phonenumbers.PhoneNumber) -> str:
    """Return ``number`` in E.164, or "" if nobody can be called there from another area."""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
