"""The contact form for programs: POST /api/v1/inquiries."""

import json
import logging
from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict

from app.clinic import current_clinic
from app.contact import json_object
from app.contact.danger import form_in_danger
from app.contact.form import ContactForm
from app.contact.inquiry import Words
from app.contact.intake import submissions, take_in
from app.contact.openapi import document, example
from app.contact.receive import KeyReusedError, Submission
from app.contact.routes import POST_LIMIT
from app.contact.submission import CLIENT_KEY
from app.engines import NotDurableError
from app.web.errors import problem
from app.web.limits import limiter

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("api", __name__, url_prefix="/api")

TEXTS = frozenset(
    ("name", "email", "phone", "reply_by", "best_time", "topic", "location", "message")
)
FLAGS = frozenset(("voicemail_ok",))
SEE_ERRORS = "Some fields are missing or wrong: see errors."


@blueprint.post("/v1/inquiries")
@limiter.limit(POST_LIMIT)
def receive() -> Response:
    if request.mimetype != "application/json":
        return problem(415, "Send the inquiry as application/json.")
    try:
        members = json_object.parse(request.get_data())
    except json_object.NotAnObjectError as error:
        return problem(400, str(error))
    form = ContactForm(current_clinic(), _as_form(members))
    lines = _crisis_lines(form)
    if wrong := json_object.faults(members, TEXTS, FLAGS):
        return _unprocessable(wrong, lines)
    if not form.validate():
        wrong = [(name, said[0]) for name, said in form.errors.items() if name]
        return _unprocessable(wrong, lines)
    return _accept(form.words(), lines)


def _accept(words: Words, lines: dict[str, object]) -> Response:
    client_key = request.headers.get("Idempotency-Key")
    if client_key is not None and not CLIENT_KEY.fullmatch(client_key):
        return problem(400, "Idempotency-Key must be 1 to 255 visible ASCII characters.")
    try:
        receipt = take_in(words, _submission(words, client_key))
    except KeyReusedError:
        return problem(422, "This Idempotency-Key was used for another inquiry.", **lines)
    except (SQLAlchemyError, NotDurableError) as error:
        log.error("inquiry not saved: %s", type(error).__name__)
        return problem(503, "The inquiry was not saved. Please try again, or call us.")
    response = jsonify(
        reference=receipt.reference,
        received_at=receipt.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **lines,
    )
    response.status_code = HTTPStatus.CREATED
    response.headers["Cache-Control"] = "no-store"
    return response


def _crisis_lines(form: ContactForm) -> dict[str, object]:
    """Whom to call, for a program that can show it at once; empty when no word calls for it."""
    clinic = current_clinic()
    if not form_in_danger(form, clinic.danger):
        return {}
    lines = (line.model_dump(mode="json", exclude_none=True) for line in clinic.crisis_lines)
    return {"crisis_lines": list(lines)}


def _submission(words: Words, client_key: str | None) -> Submission:
    if client_key is not None:
        return submissions().of_client(words, client_key)
    return submissions().of_words(words)


def _as_form(members: dict[str, object]) -> MultiDict[str, str]:
    spoken = {True: "yes", False: "no"}
    return MultiDict(
        (name, spoken[value] if isinstance(value, bool) else str(value))
        for name, value in members.items()
    )


def _unprocessable(wrong: list[tuple[str, str]], lines: dict[str, object]) -> Response:
    errors = [{"pointer": f"#/{_escaped(name)}", "detail": detail} for name, detail in wrong]
    return problem(422, SEE_ERRORS, errors=errors, **lines)


def _escaped(name: str) -> str:
    """``name`` as a JSON Pointer token (RFC 6901), cut to a sensible length."""
    printable = name.encode("ascii", "backslashreplace").decode()[:60]
    return printable.replace("~", "~0").replace("/", "~1")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    response = jsonify(document(current_clinic(), current_app.config["SITE"]))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@blueprint.get("/")
def for_people() -> str:
    described = document(current_clinic(), current_app.config["SITE"])
    return render_template(
        "contact/api.html", api=described, example=json.dumps(example(current_clinic()), indent=2)
    )
