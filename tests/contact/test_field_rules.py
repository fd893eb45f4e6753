"""The form, the API and the JSON Schema accept and refuse the same values."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from app.clinic.models import DEFAULT_TEXT_CONSENT
from app.contact.email_addresses import clean_address, parse_address, plain_spelling
from app.contact.invisible_characters import MORE_IGNORABLE
from app.contact.phone_numbers import clean_phone, e164
from app.services import get_services
from tests.attacks import hostile_input
from tests.attacks.conftest import shared_harness
from tests.contact.conftest import GOOD, REQUIRED
from tests.fuzz.case_counts import cases
from tests.support.contact_harness import ContactHarness

__all__ = ["shared_harness"]

LIMITS = {"name": 100, "email": 254, "phone": 40, "best_time": 100, "message": 5000}
CHOICES = {
    "reply_by": ("email", "phone", "text"),
    "topic": ("general", "appointments", "billing", "directions"),
    "location": ("quay", "hill"),
    "text_consent": ("", DEFAULT_TEXT_CONSENT),
}
EDGES = (
    "",
    " ",
    "\t",
    "\n",
    "\u200b",
    "\u00a0\u3000",
    "Ada\n",
    "\x85",
    "\u2028",
    "a\tb",
    "Ada",
    "é",
)
EMAILS = ("ada@example.com", " ada@example.com", "ada", "ada@localhost", "a@b.local", "a@x.test",
          "a" * 64 + "@example.com", "a" * 65 + "@example.com", "ada@bücher.example")  # fmt: skip
PHONES = ("212-555-0142", "+44 20 7946 0958", "555-0142", "12", "212.555.0142 ext. 5", "x")
OTHER_TYPES: tuple[Any, ...] = (None, 1, 1.5, [], {}, ["Ada"], "\ud800")
formats = FormatChecker(formats=())


@formats.checks("email")  # type: ignore[untyped-decorator]
def _is_email(value: object) -> bool:
    address = clean_address(str(value))
    return parse_address(address) is not None and plain_spelling(address) == address


@formats.checks("phone")  # type: ignore[untyped-decorator]
def _is_phone(value: object) -> bool:
    text = clean_phone(str(value))
    return not text or bool(e164(text, "US"))


class EntryPoints:
    """The three ways to ask whether an inquiry is well formed."""

    def __init__(self, harness: ContactHarness) -> None:
        self._desk = harness
        # Python's "$" also matches before a last line end; that of JSON Schema does not.
        text = harness.client.get("/api/openapi.json").text.replace('$"', '\\\\Z"')
        document = json.loads(text)
        self._schema = document["components"]["schemas"]["Inquiry"]
        self.properties: dict[str, Any] = self._schema["properties"]

    def by_schema(self, sent: dict[str, Any]) -> bool:
        valid = Draft202012Validator(self._schema, format_checker=formats).is_valid(sent)
        return valid and "\ud800" not in sent.values()  # no Unicode text; the schema cannot say so

    def submit_json(self, sent: dict[str, Any]) -> bool:
        return self._answer("/api/v1/inquiries", {"json": sent}, 201)

    def submit_form(self, sent: dict[str, str]) -> bool:
        return self._answer("/contact", {"data": sent}, 303)

    def _answer(self, path: str, body: dict[str, Any], accepted: int) -> bool:
        status = self._desk.client.post(path, **body).status_code
        assert status in (accepted, 422)
        return status == accepted

    def check(self, sent: dict[str, Any]) -> None:
        """Assert that all of them say the same of ``sent``."""
        verdict = self.submit_json(sent)
        assert verdict == self.by_schema(sent), sent
        # A browser's form knows texts alone, and passes over fields that it does not have.
        if set(sent) <= self.properties.keys() - {"voicemail_ok"} and all(
            (isinstance(value, str) and value.isprintable()) or value in EDGES
            for value in sent.values()
        ):
            assert verdict == self.submit_form(sent), sent


@pytest.fixture(scope="module")
def entry_points(shared_harness: ContactHarness) -> EntryPoints:
    shared_harness.reset()
    return EntryPoints(shared_harness)


@pytest.fixture
def entry_points_with_one_location(shared_harness: ContactHarness) -> Iterator[EntryPoints]:
    services = get_services(shared_harness.app)
    clinic, inquiries = services.clinic, services.inquiries
    services.clinic = clinic.model_copy(update={"locations": clinic.locations[:1]})
    services.inquiries = replace(inquiries, clinic=services.clinic)
    yield EntryPoints(shared_harness)
    services.clinic, services.inquiries = clinic, inquiries


def _changed(name: str, value: Any) -> dict[str, Any]:
    return {**GOOD, "message": "Do you take checks?", name: value}


# Only LF: as a form counts it, the CR LF of a browser is one character. The schema has no
# character above U+FFFF, so it does not know that some of them are invisible.
lines = st.one_of(
    st.text(max_size=30),
    st.sampled_from(EDGES),
    st.sampled_from(EMAILS),
    st.sampled_from(PHONES),
    st.sampled_from(hostile_input.ALL),
).filter(lambda text: not re.search(rf"[\r{MORE_IGNORABLE}]", text))
values = lines | st.sampled_from([*sum(CHOICES.values(), ()), *OTHER_TYPES, True, False])
fields = st.sampled_from([*LIMITS, *CHOICES, "voicemail_ok", "unknown"])


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("over", [0, 1])
def test_maximum_lengths(entry_points: EntryPoints, field: str, over: int) -> None:
    size = LIMITS[field] + over
    assert entry_points.properties[field]["maxLength"] == LIMITS[field]
    for text in ("x" * size, "é" * size, "Ada".ljust(size), "\U0001f31e" * size):
        entry_points.check(_changed(field, text))
    if field in ("name", "best_time", "message"):
        assert entry_points.submit_form(_changed(field, "x" * size)) is not bool(over)


@pytest.mark.parametrize("field", [*LIMITS, *CHOICES, "voicemail_ok"])
def test_missing_fields(entry_points: EntryPoints, field: str) -> None:
    sent = {name: value for name, value in GOOD.items() if name != field}
    entry_points.check(sent)
    required = field in REQUIRED
    assert entry_points.submit_json(sent) is not required


@pytest.mark.parametrize("field", [*LIMITS, *CHOICES, "voicemail_ok", "unknown"])
def test_edge_values(entry_points: EntryPoints, field: str) -> None:
    choices = sum(CHOICES.values(), ())
    for value in (*EDGES, *EMAILS, *PHONES, *choices, *OTHER_TYPES, True, False):
        entry_points.check(_changed(field, value))


@pytest.mark.parametrize("reply_by", CHOICES["reply_by"])
def test_phone_number_is_required_for_reply_by_phone(
    entry_points: EntryPoints, reply_by: str
) -> None:
    for phone in ("", *PHONES):
        for words in CHOICES["text_consent"]:
            sent = {**_changed("phone", phone), "reply_by": reply_by, "text_consent": words}
            entry_points.check(sent)
    assert entry_points.submit_json(_changed("reply_by", reply_by)) is (reply_by == "email")


def test_clinic_with_one_location_has_no_location_field(
    entry_points_with_one_location: EntryPoints,
) -> None:
    assert "location" not in entry_points_with_one_location.properties
    without = {name: value for name, value in GOOD.items() if name != "location"}
    assert entry_points_with_one_location.submit_json(without)
    assert entry_points_with_one_location.submit_form(without)
    for sent in (without, *({**without, "location": place} for place in ("quay", "moon", ""))):
        entry_points_with_one_location.check(sent)


@cases(quick=150, long=10_000)
@given(changed=st.dictionaries(fields, values, max_size=3))
def test_any_values(entry_points: EntryPoints, changed: dict[str, Any]) -> None:
    entry_points.check({**GOOD, "message": "Do you take checks?", **changed})
