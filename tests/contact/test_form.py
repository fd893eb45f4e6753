"""Validation of the contact form and its error messages."""

import re
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.clinic import Clinic
from app.clinic.models import DEFAULT_TEXT_CONSENT
from app.contact.forms import CONSENT_CHANGED_ERROR, CONSENT_ERROR, ContactForm
from app.contact.invisible_characters import CONTROL, SPACE
from tests.contact.conftest import GOOD

EMAIL = "Enter an email address in the correct format, like name@example.com"
PHONE = "Enter a phone number, like (201) 555-0123"
TOO_LONG = "Your message is 1 character too long. The limit is 5,000."


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def _errors(clinic: Clinic, **changed: str) -> dict[str, str]:
    form = ContactForm(clinic, MultiDict({**GOOD, **changed}))
    form.validate()
    return {name: messages[0] for name, messages in form.errors.items() if name}


LINK = "Please remove the link from your name. You can put it in your message."


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": " "}, {"name": "Enter your name"}),
        ({"name": "Ada" + " " * 98}, {"name": "Name must be 100 characters or fewer"}),
        ({"name": "x" * 101}, {"name": "Name must be 100 characters or fewer"}),
        ({"name": "Unpaid invoice https://evil.example/pay"}, {"name": LINK}),
        ({"name": "Pay \uff57\uff57\uff57\uff0eevil\uff0eexample"}, {"name": LINK}),
        ({"name": "win at evil.com"}, {"name": LINK}),
        ({"email": "ada"}, {"email": EMAIL}),
        ({"email": "a" * 250 + "@example.com"}, {"email": EMAIL}),
        ({"reply_by": "phone"}, {"phone": PHONE}),
        ({"reply_by": "text", "phone": "12"}, {"phone": PHONE, "text_consent": CONSENT_ERROR}),
        ({"reply_by": "phone", "phone": "555-0142"}, {"phone": PHONE}),
        ({"reply_by": "text", "phone": "212-555-0142"}, {"text_consent": CONSENT_ERROR}),
        ({"text_consent": "other words"}, {"text_consent": CONSENT_CHANGED_ERROR}),
        ({"phone": "javascript:alert(1)"}, {"phone": PHONE}),
        ({"phone": "212 555 0142 / 212 555 0199"}, {"phone": PHONE}),
        ({"name": "\u200b\u2060"}, {"name": "Enter your name"}),
        ({"name": "\u3164\U000e0041\x02"}, {"name": "Enter your name"}),
        ({"email": "ada..roe@example.com"}, {"email": EMAIL}),
        ({"email": "ada@example.com, bob@example.com"}, {"email": EMAIL}),
        ({"message": "\u200b\u2028\ufeff"}, {"message": "Enter your message"}),
        ({"email": "a" * 65 + "@example.com"}, {"email": EMAIL}),
        ({"reply_by": "pigeon"}, {"reply_by": "Choose how we should reply"}),
        ({"topic": ""}, {"topic": "Choose what your message is about"}),
        ({"location": "moon"}, {"location": "Choose a location"}),
        ({"message": " \n"}, {"message": "Enter your message"}),
        ({"message": "x" * 5001}, {"message": TOO_LONG}),
    ],
)  # fmt: skip
def test_error_messages(clinic: Clinic, changed: dict[str, str], expected: dict[str, str]) -> None:
    assert _errors(clinic, **changed) == expected


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r"])
def test_name_with_line_break_is_refused(clinic: Clinic, breaker: str) -> None:
    assert "name" in _errors(clinic, name=f"Ada{breaker}Bcc: all@example.com")


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "李小龍"},
        {"name": "O'Brien-Nuñez, Jr."},
        {"name": "Ada\tExample\t"},  # pasted from a table
        {"name": "\U000323b0"},  # a letter newer than the Unicode tables of some Pythons
        {"name": "x" * 100},
        {"email": "ada+tag@sub.example.co.uk"},
        {"email": "ada@bücher.example"},
        {"email": "ádà@example.com"},
        {"message": "x" * 5000},
        {"message": ("\r\n" * 2000) + "x"},
        {"reply_by": "phone", "phone": "(212) 555-0142"},
        {"reply_by": "phone", "phone": "212.555.0142 ext. 5"},
        {"reply_by": "text", "phone": "+44 20 7946 0958", "text_consent": DEFAULT_TEXT_CONSENT},
        {"phone": ""},
    ],
)
def test_common_input_is_accepted(clinic: Clinic, changed: dict[str, str]) -> None:
    assert _errors(clinic, **changed) == {}


def test_character_classes_match_python() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    assert "".join(every).split() == re.split(f"[{SPACE}]+", "".join(every))
    controls = {char for char in every if unicodedata.category(char) in ("Cc", "Zl", "Zp")}
    assert set(re.findall(f"[{CONTROL}]", "".join(every))) == controls - {"\t"}


# As pasted from other programs, and what is stored.
NAMES = {
    "\u2068Ada\u2069": "Ada",  # Signal, WhatsApp
    "\ufeffA\u200bda\xad ": "Ada",
    "Ada\u2028Roe\x0b": "Ada Roe",  # InDesign, Word
    "Ada\x02Roe": "AdaRoe",  # a hyphen in some PDFs
    "Jo\u200dhn": "John",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": None,  # Persian: two parts of a word
    "\u0d05\u0d35\u0d28\u0d4d\u200d": None,  # Malayalam: another form of the last letter
    "\u845b\U000e0100\u897f": None,  # Japanese: a variant of the first character
    "\u05d0\u05d3\u05d4 (C++)\u200f": None,  # Hebrew: where the parentheses belong
    "Ada \U0001f469\u200d\u2695\ufe0f": None,
    "Ada \u2764\ufe0f\u200d\U0001f525": None,
    "Ada 1\ufe0f\u20e3": None,
    "Ada \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": None,
}


@pytest.mark.parametrize("typed", NAMES, ids=ascii)
@pytest.mark.parametrize("field", ["name", "best_time"])
def test_invisible_characters_are_removed_where_they_mean_nothing(
    clinic: Clinic, field: str, typed: str
) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, field: typed}))
    assert form.validate(), form.errors
    assert getattr(form.inquiry_data(), field) == (NAMES[typed] or typed)


def test_a_message_is_stored_as_typed(clinic: Clinic) -> None:
    message = "\u2068Hi\u2069\u200b\u2028there"
    form = ContactForm(clinic, MultiDict({**GOOD, "message": message}))
    assert form.validate()
    assert form.inquiry_data().message == message


PHONES = {
    "\u202d+1 (212) 555-0142\u202c": "+1 (212) 555-0142",  # Apple Contacts
    "\u2068+1 212 555 0142\u2069": "+1 212 555 0142",  # Signal, WhatsApp
    "+1\ufe0f-212-555-0142": "+1-212-555-0142",  # a PDF
    "212\u2212555\u22120142": "212\u2212555\u22120142",  # Word
    "\uff12\uff11\uff12\uff0d\uff15\uff15\uff15\uff0d\uff10\uff11\uff14\uff12": "212-555-0142",
    "tel:+1-212-555-0142": "+1-212-555-0142",
    "212-555-0142, ext 5": None,
    "212-555-0142 (cell)": None,
    "home: 212-555-0142 after 5 pm": None,
    "212\xb7555\xb70142": "212.555.0142",
    "212_555_0142": "212-555-0142",
}


@pytest.mark.parametrize("typed", PHONES, ids=ascii)
def test_pasted_phone_numbers_are_understood(clinic: Clinic, typed: str) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, "reply_by": "phone", "phone": typed}))
    assert form.validate(), form.errors
    inquiry = form.inquiry_data()
    assert (inquiry.phone, inquiry.phone_e164) == (PHONES[typed] or typed, "+12125550142")


@pytest.mark.parametrize(
    "typed",
    [
        "ada@example.com\u200b",
        "\ufeffada@example.com",
        "\u202aada@example.com\u202c",
        "ada@exam\xadple.com",
        "mailto:ada@example.com",
        "MAILTO:ada@example.com?subject=Hello",
        "<ada@example.com>",
        "Ada Roe <ada@example.com>",
        "ada@example.com\x0b",
    ],
    ids=ascii,
)
def test_pasted_email_addresses_are_understood(clinic: Clinic, typed: str) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, "email": typed}))
    assert form.validate(), form.errors
    assert form.email_suggestion is None
    assert form.inquiry_data().email == "ada@example.com"


def test_phone_number_is_kept_as_typed_and_in_e164(clinic: Clinic) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, "reply_by": "phone", "phone": "(212) 555-0142"}))
    assert form.validate()
    words = form.inquiry_data()
    assert (words.phone, words.phone_e164) == ("(212) 555-0142", "+12125550142")


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("ada@gmial.com", "ada@gmail.com"),
        ("ada@gmail.co", "ada@gmail.com"),
        ("ada@yahooo.com", "ada@yahoo.com"),
        ("ada@hotmial.com", "ada@hotmail.com"),
        ("ada@gmail.com", None),
        ("ada@mail.com", None),
        ("ada@ymail.com", None),
        ("ada@example.com", None),
        ("ada@mycompany.com", None),
        ("ada@example.com,", "ada@example.com"),
        ("ada @example.com", "ada@example.com"),
        ("o\u2019brien@example.com", "o'brien@example.com"),
        ("ada\u2011roe@my\u2013clinic.com", "ada-roe@my-clinic.com"),
        ("\uff41\uff44\uff41\uff20example.com", "ada@example.com"),
        ("\uff41da@gmial.com;", "ada@gmail.com"),
        ("o'brien@example.com", None),
        ("\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a", None),
        ("jose\u0301@example.com", None),
        ("ada@\uff45xample.com", None),
    ],
)
def test_likely_mistakes_in_an_address_get_a_suggestion(
    clinic: Clinic, typed: str, suggestion: str | None
) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, "email": typed}))
    assert form.validate()
    assert form.email_suggestion == suggestion
