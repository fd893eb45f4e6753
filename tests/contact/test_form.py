"""Validation of the contact form and its error messages."""

import re
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.clinic import Clinic
from app.contact.forms import ContactForm
from app.contact.validators import CONTROL, SPACE
from tests.contact.conftest import GOOD

EMAIL = "Enter an email address in the correct format, like name@example.com"
PHONE = "Enter a phone number, like (201) 555-0123"
TOO_LONG = "Message must be 5,000 characters or fewer. It is 1 too long"


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def _errors(clinic: Clinic, **changed: str) -> dict[str, str]:
    form = ContactForm(clinic, MultiDict({**GOOD, **changed}))
    form.validate()
    return {name: messages[0] for name, messages in form.errors.items() if name}


LINK = "Please remove the link from your name. It can be in your message."


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
        ({"reply_by": "text", "phone": "12"}, {"phone": PHONE}),
        ({"reply_by": "text", "phone": "555-0142"}, {"phone": PHONE}),
        ({"phone": "javascript:212-555-0142"}, {"phone": PHONE}),
        ({"name": "\u200b\u2060"}, {"name": "Enter your name"}),
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


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u2029"])
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
        {"reply_by": "text", "phone": "+44 20 7946 0958"},
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
    ],
)
def test_likely_typos_of_large_providers_get_a_suggestion(
    clinic: Clinic, typed: str, suggestion: str | None
) -> None:
    form = ContactForm(clinic, MultiDict({**GOOD, "email": typed}))
    assert form.validate()
    assert form.email_suggestion == suggestion
