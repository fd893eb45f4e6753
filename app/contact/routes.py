"""The contact page: the form, its submission, and the confirmation."""

import logging
import re
from datetime import timedelta

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app import clock
from app.contact.crisis_detection import mentions_crisis
from app.contact.csrf import is_cross_site, sent_by_browser
from app.contact.forms import ContactForm
from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.contact.spam.scoring import SpamSignals
from app.database.engines import NotDurableError
from app.encryption import UnknownKeyError
from app.services import current_services
from app.web.error_handlers import error_response
from app.web.page_cache import HTML, public_response
from app.web.rate_limits import limiter

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("contact", __name__)

# Not "no-store": with it, browsers forget what was typed when the visitor goes back.
PRIVATE_NO_CACHE = "private, no-cache"
POST_LIMIT = "10 per minute; 60 per hour"
CRISIS_LINES_FIRST_FOR = timedelta(hours=1)


def blank_form() -> ContactForm:
    """An empty form, for any template that shows one."""
    return ContactForm(current_services().clinic)


@blueprint.get("/contact")
def contact() -> Response:
    return public_response(_render(blank_form(), 200), HTML, PRIVATE_NO_CACHE)


@blueprint.post("/contact")
@limiter.limit(POST_LIMIT)
def submit() -> ResponseReturnValue:
    inquiries = current_services().inquiries
    if is_cross_site(request.headers, (inquiries.site_url, request.host_url)):
        abort(403)
    form = ContactForm(current_services().clinic, request.form)
    if not form.validate() or form.email_suggestion:
        if form.email_suggestion:
            form.email_choice.data = ""  # the answer to an earlier question does not count
        return _page(form, 422)
    try:
        signals = SpamSignals(form.honeypot.data, sent_by_browser(request.headers), form.elapsed)
        receipt = inquiries.submit(form.inquiry_data(), signals, request.remote_addr)
    except (SQLAlchemyError, NotDurableError, UnknownKeyError) as error:
        log.error("inquiry not saved: %s", type(error).__name__)
        abort(503)
    return redirect(url_for(".received", reference=receipt.reference), 303)


@blueprint.get("/contact/received/<reference>")
def received(reference: str) -> ResponseReturnValue:
    page = render_template(
        "contact/received.html", reference=reference, mentions_crisis=_mentions_crisis(reference)
    )
    return page, {"Cache-Control": "no-store"}


def _mentions_crisis(reference: str) -> bool:
    """Whether the inquiry has a crisis phrase; 404 when there is no such inquiry.

    True only for an hour, while the reader is most likely the visitor: references are read out
    and printed. Found in the encrypted content, so that no flag about a person is stored. When
    the database or the key is not available, the crisis lines come first.
    """
    if not re.fullmatch(REFERENCE_PATTERN, reference):
        abort(404)
    database = current_services().database
    try:
        with database.read_session() as session:
            inquiry = session.scalar(select(Inquiry).where(Inquiry.reference == reference))
        if inquiry is None:
            abort(404)
        if clock.now() - inquiry.created_at >= CRISIS_LINES_FIRST_FOR:
            return False
        content = inquiry.decrypt(database.keys)
    except (SQLAlchemyError, UnknownKeyError):
        return True
    phrases = current_services().clinic.crisis_phrases
    return content is not None and mentions_crisis(content.free_text, phrases)


@blueprint.errorhandler(HTTPException)
def show_form_again(error: HTTPException) -> ResponseReturnValue:
    """Show the form again after a failed post, with what was typed.

    The body of a post that is too large or too frequent is not read, so that rejecting it is
    cheap. The page then tells the visitor to go back in the browser, which still has the text.
    """
    # No browser causes these two errors, and no rate limit has counted them.
    if request.method != "POST" or error.code in (415, 501):
        return error_response(error)
    try:
        formdata = None if error.code in (413, 429) else request.form
        return _page(ContactForm(current_services().clinic, formdata), error.code or 500)
    except Exception:  # whatever it was, the visitor gets the common page
        log.exception("the form could not be shown again")
        return error_response(error)


def _page(form: ContactForm, status: int) -> ResponseReturnValue:
    return _render(form, status), status, {"Cache-Control": PRIVATE_NO_CACHE}


def _render(form: ContactForm, status: int) -> str:
    crisis = mentions_crisis(
        form.inquiry_data().free_text, current_services().clinic.crisis_phrases
    )
    return render_template("contact/contact.html", form=form, status=status, mentions_crisis=crisis)
