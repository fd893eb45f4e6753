"""JSON for the API: the schema of an inquiry, and a strict parser."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from email_validator import SPECIAL_USE_DOMAIN_NAMES
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, SelectField

from app.clinic import Clinic
from app.clinic.countries import example_phone
from app.contact.forms import REPLIES_BY_PHONE, InquiryForm

SPECIAL_USE_DOMAINS = "|".join(sorted(set(SPECIAL_USE_DOMAIN_NAMES) - {"test"}))
FORMATS: dict[str, dict[str, Any]] = {
    "email": {"format": "email", "not": {"pattern": f"[.@]({SPECIAL_USE_DOMAINS})$"}},
    "phone": {"format": "phone"},
}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # valid in JSON, but not in an email


def inquiry_schema(clinic: Clinic) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an inquiry to ``clinic``, derived from the form."""
    form = InquiryForm(clinic, MultiDict())
    form.validate()  # an empty form has an error for each required field
    properties = {field.name: _property_schema(field) for field in form}
    properties["phone"]["examples"] = [example_phone(clinic.country)]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(form.errors),
        "properties": properties,
        "allOf": [
            _requires("phone", REPLIES_BY_PHONE),
            _requires("text_consent", ("text",)),
        ],
    }


def _requires(name: str, ways: Sequence[str]) -> dict[str, Any]:
    """The rule that the field ``name`` is needed for some ways to reply."""
    return {
        "if": {"properties": {"reply_by": {"enum": list(ways)}}, "required": ["reply_by"]},
        "then": {"required": [name], "properties": {name: {"minLength": 1}}},
    }


def _property_schema(field: Field) -> dict[str, Any]:
    if isinstance(field, BooleanField):
        return {"type": "boolean", "default": False}
    schema: dict[str, Any] = {"type": "string", **FORMATS.get(field.name, {})}
    for validator in field.validators:  # if there are two patterns, the second is stricter
        schema |= getattr(validator, "json_schema", {})
    if isinstance(field, SelectField):  # or a RadioField, its subclass
        schema["enum"] = list(field.choices or ())
    annotations = {"description": field.description, "default": field.default}
    return schema | {name: value for name, value in annotations.items() if value}


class InvalidBodyError(Exception):
    """The body is not a valid JSON object; the message says why."""


def parse_object(body: bytes) -> dict[str, object]:
    """The members of the JSON object in ``body`` (UTF-8). Raises InvalidBodyError."""
    try:
        parsed = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_reject_duplicates,
            parse_constant=_reject_constant,
        )
    except (ValueError, RecursionError):
        raise InvalidBodyError("The body is not valid JSON.") from None
    if not isinstance(parsed, dict):
        raise InvalidBodyError("The body must be a JSON object.")
    return parsed


def as_form_data(members: dict[str, object]) -> MultiDict[str, str]:
    """``members`` as a browser would send them, without values of other types."""
    values = {True: "yes", False: "no"}
    return MultiDict(
        (name, values[value] if isinstance(value, bool) else value)
        for name, value in members.items()
        if isinstance(value, str | bool)
    )


def type_errors(members: dict[str, object], form: InquiryForm) -> Iterator[tuple[str, str]]:
    """(name, error) for each member that is unknown or has the wrong type."""
    for name, value in members.items():
        if name not in form:
            yield name, "Unknown field"
        elif isinstance(form[name], BooleanField):
            if not isinstance(value, bool):
                yield name, "Must be true or false"
        elif not isinstance(value, str):
            yield name, "Must be a string"
        elif LONE_SURROGATE.search(value):
            yield name, "Must be valid Unicode text"


def _reject_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidBodyError("Duplicate key in object.")
    return members


def _reject_constant(_name: str) -> NoReturn:
    raise InvalidBodyError("NaN and Infinity are not JSON.")
