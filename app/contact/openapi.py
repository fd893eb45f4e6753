"""The OpenAPI 3.1 document of the API: ``openapi.json`` with the clinic's data."""

import json
from pathlib import Path
from typing import Any

from app.clinic import Clinic
from app.contact.schemas import inquiry_schema

FILE = Path(__file__).with_suffix(".json")


def openapi_document(clinic: Clinic, server_url: str) -> dict[str, Any]:
    """``server_url`` is like ``https://host``."""
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    document["info"]["title"] = f"{clinic.name}: inquiries"
    document["servers"] = [{"url": server_url}]
    document["components"]["schemas"]["Inquiry"] = inquiry_schema(clinic)
    return document


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
