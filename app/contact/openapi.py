"""The OpenAPI 3.1 document of the API."""

from collections.abc import Iterable
from typing import Any

from app.clinic import Clinic
from app.contact.models import REFERENCE_PATTERN
from app.contact.schemas import inquiry_schema

TEXT = {"type": "string"}
MAX_ERRORS = 20  # in one response: a body may have thousands of unknown members
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
FAILURES = {
    "400": "Not JSON, not an object, or a malformed Idempotency-Key",
    "413": "The body is larger than 256 KiB",
    "415": "Not application/json",
    "422": "Fields are missing or wrong, or an Idempotency-Key was used for another inquiry",
    "429": "Too many inquiries in a short time; see Retry-After",
    "500": "Server error; try again with the same Idempotency-Key",
    "503": "Not saved; try again with the same Idempotency-Key",
}


def openapi_document(clinic: Clinic, site: str) -> dict[str, Any]:
    """``site`` is the URL of the API's server, like ``https://host``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{clinic.name}: inquiries",
            "version": "1",
            "description": "Non-medical questions and correspondence only.",
        },
        "servers": [{"url": site}],
        "paths": {"/api/v1/inquiries": {"post": _operation()}},
        "components": {"schemas": {"Inquiry": inquiry_schema(clinic), "Problem": _problem()}},
    }


def example_inquiry(clinic: Clinic) -> dict[str, Any]:
    """An inquiry that ``clinic`` accepts."""
    location = {"location": clinic.locations[0].key} if len(clinic.locations) > 1 else {}
    return {
        "name": "Ada Example",
        "email": "ada@example.com",
        "topic": clinic.topics[0].key,
        **location,
        "message": "When are you open this week?",
    }


def _operation() -> dict[str, Any]:
    failures: dict[str, dict[str, Any]] = {
        code: {"description": why, "content": PROBLEM} for code, why in FAILURES.items()
    }
    failures["429"]["headers"] = {
        "Retry-After": {
            "description": "Seconds to wait",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    }
    return {
        "operationId": "sendInquiry",
        "summary": "Send an inquiry to the front desk",
        "description": "201 means that the inquiry is saved. The email is sent afterwards.",
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
    schema = _object(
        ("reference", "received_at"),
        reference={"type": "string", "pattern": f"^{REFERENCE_PATTERN}$"},
        received_at={"type": "string", "format": "date-time"},
        crisis_lines=_crisis_lines(),
    )
    return {"description": "Received", "content": {"application/json": {"schema": schema}}}


def _crisis_lines() -> dict[str, Any]:
    return {
        "type": "array",
        "description": "Only when words in the inquiry may mean danger: show these at once",
        "items": _object(
            ("name", "phone", "when"), name=TEXT, phone=TEXT, when=TEXT, text=TEXT, url=TEXT
        ),
    }


def _problem() -> dict[str, Any]:
    pointer = {**TEXT, "description": "A JSON Pointer into the inquiry"}
    error = _object(("pointer", "detail"), pointer=pointer, detail=TEXT)
    members = {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT}
    errors = {"type": "array", "items": error, "maxItems": MAX_ERRORS}
    schema = _object(members, **members, errors=errors, crisis_lines=_crisis_lines())
    return {"description": "RFC 9457", **schema}


def _object(required: Iterable[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}
