"""The API, described: OpenAPI 3.1."""

from typing import Any

from app.clinic import Clinic
from app.contact import form
from app.contact.inquiry import REFERENCE_PATTERN

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
FAILURES = {
    "400": "Not JSON, not an object, or a malformed Idempotency-Key",
    "413": "The body is larger than 256 KiB",
    "415": "Not application/json",
    "422": "Fields are missing or wrong, or an Idempotency-Key was used for another inquiry",
    "429": "Too many inquiries in a short time; see Retry-After",
    "503": "Not saved; try again with the same Idempotency-Key",
}


def document(clinic: Clinic, site: str) -> dict[str, Any]:
    """The OpenAPI document of ``clinic``'s API at ``site`` (https://host)."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{clinic.name}: inquiries",
            "version": "1",
            "description": "Non-medical questions and correspondence only.",
        },
        "servers": [{"url": site}],
        "paths": {"/api/v1/inquiries": {"post": _operation()}},
        "components": {"schemas": {"Inquiry": _inquiry(clinic), "Problem": _problem()}},
    }


def example(clinic: Clinic) -> dict[str, Any]:
    """An inquiry that ``clinic`` would accept."""
    where = {"location": clinic.locations[0].key} if len(clinic.locations) > 1 else {}
    return {
        "name": "Ada Example",
        "email": "ada@example.com",
        "topic": clinic.topics[0].key,
        **where,
        "message": "When are you open this week?",
    }


def _operation() -> dict[str, Any]:
    failures = {code: {"description": why, "content": PROBLEM} for code, why in FAILURES.items()}
    return {
        "operationId": "sendInquiry",
        "summary": "Send an inquiry to the front desk",
        "description": "A 201 is said once the inquiry is on disk; the mail follows.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Your own unique key: a retry within 24 hours with the same key"
                " and body gets the same reference.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Inquiry"}}},
        },
        "responses": {"201": _created(), **failures},
    }


def _created() -> dict[str, Any]:
    return {
        "description": "Received",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["reference", "received_at"],
                    "properties": {
                        "reference": {"type": "string", "pattern": f"^{REFERENCE_PATTERN}$"},
                        "received_at": {"type": "string", "format": "date-time"},
                        "crisis_lines": _crisis_lines(),
                    },
                }
            }
        },
    }


def _crisis_lines() -> dict[str, Any]:
    text = {"type": "string"}
    line = dict.fromkeys(("name", "phone", "when", "text", "url"), text)
    return {
        "type": "array",
        "description": "Only when words in the inquiry may mean danger: show these at once",
        "items": {"type": "object", "required": ["name", "phone", "when"], "properties": line},
    }


def _inquiry(clinic: Clinic) -> dict[str, Any]:
    several = len(clinic.locations) > 1
    properties: dict[str, Any] = {
        "name": _text(form.NAME_LENGTH, "On one line"),
        "email": _text(form.EMAIL_LENGTH, "Where to answer") | {"format": "email"},
        "phone": _text(form.PHONE_LENGTH, "Needed when reply_by is phone or text")
        | {"minLength": 0},
        "reply_by": {"type": "string", "enum": list(form.REPLY_BY), "default": "email"},
        "voicemail_ok": {"type": "boolean", "default": False},
        "best_time": _text(form.BEST_TIME_LENGTH, "When to call") | {"minLength": 0},
        "topic": {"type": "string", "enum": [topic.key for topic in clinic.topics]},
        "message": _text(form.MESSAGE_LENGTH, "Line breaks are kept"),
    }
    if several:
        keys = [place.key for place in clinic.locations]
        properties["location"] = {"type": "string", "enum": keys}
    required = ["name", "email", "topic", "message", *(["location"] if several else [])]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _text(most: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most, "description": description}


def _problem() -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
    }
    return {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
        },
    }
