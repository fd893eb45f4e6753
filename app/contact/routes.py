"""The contact page, for people."""

import logging
import re
from datetime import timedelta

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from app import clock
from app.contact.crisis_detection import form_mentions_crisis, inquiry_mentions_crisis
from app.contact.csrf import is_cross_site, sent_by_browser
from app.contact.forms import ContactForm
from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.contact.spam.scoring import FormSignals
from app.database.engines import NotDurableError
from app.encryption import UnknownKeyError
from app.services import current_services
from app.web.page_cache import HTML, public_response
from app.web.rate_limits import limiter

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("contact", __name__)

# Not "no-store": browsers then forget on going back what was typed.
REVALIDATE = "private, no-cache"
POST_LIMIT = "10 per minute; 60 per hour"
TOLD_FOR = timedelta(hours=1)  # how long a reference shows that its words may mean danger


def blank_form() -> ContactForm:
    """An empty form, for any template that shows one."""
    return ContactForm(current_services().clinic)


@blueprint.get("/contact")
def contact() -> Response:
    return public_response(_render_empty(), HTML, REVALIDATE)


@blueprint.post("/contact")
@limiter.limit(POST_LIMIT)
def send() -> BaseResponse:
    if is_cross_site(request.headers, (current_services().inquiries.site, request.host_url)):
        abort(403)
    form = ContactForm(current_services().clinic, request.form)
    if not form.validate() or form.email_question:
        if form.email_question:
            form.email_choice.data = ""  # a new question, whatever an older one was answered
        return _page(form, 422)
    words = form.inquiry_data()
    try:
        receipt = current_services().inquiries.submit(
            words,
            remote_address=request.remote_addr,
            form=FormSignals(form.honeypot.data, sent_by_browser(request.headers), form.elapsed),
        )
    except (SQLAlchemyError, NotDurableError) as error:
        log.error("inquiry not saved: %s", type(error).__name__)
        abort(503)
    return redirect(url_for(".received", reference=receipt.reference), 303)


@blueprint.get("/contact/received/<reference>")
def received(reference: str) -> Response:
    page = render_template(
        "contact/received.html", reference=reference, danger=_opens_with_crisis_lines(reference)
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _opens_with_crisis_lines(reference: str) -> bool:
    """Whether words in this inquiry may mean danger; 404 when there is no such inquiry.

    Only while the visitor is likely to be the one who looks: a reference is read out and
    printed. Told from its sealed words, so that no flag about a person is kept. A database that
    is away now, or a missing key, is no reason to doubt the visitor: then they do.
    """
    if not re.fullmatch(REFERENCE_PATTERN, reference):
        abort(404)
    database = current_services().database
    try:
        with database.read_session() as session:
            inquiry = session.scalar(select(Inquiry).where(Inquiry.reference == reference))
            fresh = inquiry is not None and clock.now() - inquiry.created_at < TOLD_FOR
            words = inquiry.decrypt(database.keys) if inquiry and fresh else None
    except (SQLAlchemyError, UnknownKeyError):
        return True
    if inquiry is None:
        abort(404)
    return words is not None and inquiry_mentions_crisis(
        words, current_services().clinic.crisis_phrases
    )


def failed_post(error: HTTPException) -> Response:
    """The form again when a post failed, with what was typed.

    What is too large, or comes too often, is not read at all, so that refusing it costs
    nothing: the page that it was typed into still has it, and this one says so.
    """
    unread = isinstance(error, RequestEntityTooLarge | TooManyRequests)
    formdata = None if unread else request.form
    return _page(ContactForm(current_services().clinic, formdata), error.code or 500)


def _page(form: ContactForm, status: int = 200) -> Response:
    response = make_response(_render(form, status), status)
    response.headers["Cache-Control"] = REVALIDATE
    return response


def _render(form: ContactForm, status: int) -> str:
    danger = form_mentions_crisis(form, current_services().clinic.crisis_phrases)
    return render_template("contact/contact.html", form=form, status=status, danger=danger)


def _render_empty() -> str:
    return _render(blank_form(), 200)
