"""The JSON API: ``POST /api/v1/inquiries``, and its documentation."""

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.contact.crisis_detection import mentions_crisis
from app.contact.forms import InquiryForm
from app.contact.idempotency import IDEMPOTENCY_KEY
from app.contact.models import InquiryData
from app.contact.openapi import example_inquiry, openapi_document
from app.contact.routes import limit_posts
from app.contact.schemas import InvalidBodyError, as_form_data, parse_object, type_errors
from app.contact.service import KeyReusedError
from app.contact.spam.scoring import SpamSignals
from app.encryption import UnknownKeyError
from app.services import current_services
from app.web.error_handlers import problem_response
from app.web.forwarded import visitor_address
from app.web.page_cache import HTML, PAGE_CACHE_CONTROL, public_response

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("api", __name__, url_prefix="/api")

MAX_ERRORS = 20  # in one response: a body may have thousands of unknown members
MAX_POINTER = 60  # characters


@blueprint.post("/v1/inquiries")
@limit_posts
def create_inquiry() -> ResponseReturnValue:
    if request.mimetype != "application/json":
        return problem_response(415, "Send the inquiry as application/json.")
    try:
        members = parse_object(request.get_data())
    except InvalidBodyError as error:
        return problem_response(400, str(error))
    form = InquiryForm(current_services().clinic, as_form_data(members))
    errors = list(islice(type_errors(members, form), MAX_ERRORS))
    if not errors and not form.validate():
        errors = [(name, messages[0]) for name, messages in form.errors.items() if name]
    crisis_lines = _crisis_lines(form)
    if errors:
        return _unprocessable(errors, crisis_lines)
    return _submit(form.inquiry_data(), crisis_lines)


def _submit(inquiry: InquiryData, crisis_lines: dict[str, object]) -> ResponseReturnValue:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        detail = "Idempotency-Key must be 1 to 255 visible ASCII characters."
        return problem_response(400, detail, **crisis_lines)
    try:
        receipt = current_services().inquiries.submit(
            inquiry, SpamSignals(), visitor_address(), key
        )
    except KeyReusedError:
        return problem_response(
            422, "This Idempotency-Key was used for another inquiry.", **crisis_lines
        )
    except (SQLAlchemyError, UnknownKeyError) as error:
        log.error("inquiry not saved: %s", type(error).__name__)
        detail = "The inquiry was not saved. Please try again, or call us."
        return problem_response(503, detail, **crisis_lines)
    receipt_json = jsonify(
        reference=receipt.reference,
        received_at=clock.iso_utc(receipt.received_at),
        **crisis_lines,
    )
    return receipt_json, HTTPStatus.CREATED, {"Cache-Control": "no-store"}


def _crisis_lines(form: InquiryForm) -> dict[str, object]:
    """The crisis lines, for the client to show at once; empty without a crisis phrase."""
    clinic = current_services().clinic
    if not mentions_crisis(form.inquiry_data().free_text, clinic.crisis_phrases):
        return {}
    options: dict[str, Any] = {"mode": "json", "exclude": {"source"}, "exclude_none": True}
    return {"crisis_lines": [line.model_dump(**options) for line in clinic.crisis_lines]}


def _unprocessable(errors: Iterable[tuple[str, str]], crisis_lines: dict[str, object]) -> Response:
    listed = [{"pointer": f"#/{_pointer(name)}", "detail": detail} for name, detail in errors]
    detail = "Some fields are missing or wrong: see errors."
    return problem_response(422, detail, errors=listed, **crisis_lines)


def _pointer(name: str) -> str:
    """``name`` as a JSON Pointer token (RFC 6901) in ASCII, shortened to MAX_POINTER."""
    printable = name[:MAX_POINTER].encode("ascii", "backslashreplace").decode()[:MAX_POINTER]
    return printable.replace("~", "~0").replace("/", "~1")


@blueprint.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    services = current_services()
    document = openapi_document(services.clinic, services.inquiries.site_url)
    return jsonify(document), {"Cache-Control": "public, max-age=300"}


@blueprint.get("/")
def documentation() -> Response:
    services = current_services()
    page = render_template(
        "contact/api.html",
        api=openapi_document(services.clinic, services.inquiries.site_url),
        example=json.dumps(example_inquiry(services.clinic), indent=2),
    )
    return public_response(page, HTML, PAGE_CACHE_CONTROL)
