"""The form's rules as JSON Schema, so that a program can know them before it asks."""

from typing import Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES

from app.clinic import Clinic
from app.contact import form
from app.contact.characters import LINE, SOME_TEXT, VISIBLE_LINE

NO_MAIL = rf"[.@]({'|'.join(sorted(set(SPECIAL_USE_DOMAIN_NAMES) - {'test'}))})$"


def inquiry(clinic: Clinic) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what ``clinic``'s API takes."""
    properties: dict[str, Any] = {
        "name": _text(form.NAME_LENGTH, "On one line", VISIBLE_LINE),
        "email": _text(form.EMAIL_LENGTH, "Where to answer")
        | {"format": "email", "not": {"pattern": NO_MAIL}},
        "phone": _text(form.PHONE_LENGTH, "Needed when reply_by is phone or text")
        | {"format": "phone", "examples": ["212-555-0142"]},
        "reply_by": {"type": "string", "enum": list(form.REPLY_BY), "default": "email"},
        "voicemail_ok": {"type": "boolean", "default": False},
        "best_time": _text(form.BEST_TIME_LENGTH, "When to call, on one line", LINE),
        "topic": {"type": "string", "enum": [topic.key for topic in clinic.topics]},
        "message": _text(form.MESSAGE_LENGTH, "Line breaks are kept", SOME_TEXT),
    }
    several = len(clinic.locations) > 1
    if several:
        keys = [place.key for place in clinic.locations]
        properties["location"] = {"type": "string", "enum": keys}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "email", "topic", "message", *(["location"] if several else [])],
        "properties": properties,
        "if": {"properties": {"reply_by": {"enum": ["phone", "text"]}}, "required": ["reply_by"]},
        "then": {"required": ["phone"], "properties": {"phone": {"minLength": 1}}},
    }


def _text(most: int, description: str, pattern: str = "") -> dict[str, Any]:
    found = {"type": "string", "maxLength": most, "description": description}
    return {**found, "pattern": pattern} if pattern else found
