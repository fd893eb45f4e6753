"""The contact page: the form, its submission, and the confirmation."""

import logging
import re

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app.contact.crisis_detection import mentions_crisis
from app.contact.csrf import is_cross_site, sent_by_browser
from app.contact.forms import ContactForm
from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.contact.spam.scoring import SpamSignals
from app.encryption import UnknownKeyError
from app.services import current_services
from app.web.error_handlers import error_response
from app.web.forwarded import visitor_address
from app.web.page_cache import HTML, public_response
from app.web.rate_limits import limiter

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("contact", __name__)

# Not "no-store": with it, browsers forget what was typed when the visitor goes back.
PRIVATE_NO_CACHE = "private, no-cache"
# One limit for the form and the API.
limit_posts = limiter.shared_limit("10 per minute; 60 per hour", scope="inquiries")


def blank_form() -> ContactForm:
    """An empty form, for any template that shows one."""
    return ContactForm(current_services().clinic)


@blueprint.get("/contact")
def contact() -> Response:
    return public_response(_render(blank_form(), 200), HTML, PRIVATE_NO_CACHE)


@blueprint.post("/contact")
@limit_posts
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
        receipt = inquiries.submit(form.inquiry_data(), signals, visitor_address())
    except (SQLAlchemyError, UnknownKeyError) as error:
        log.error("inquiry not saved: %s", type(error).__name__)
        abort(503)
    return redirect(url_for(".received", reference=receipt.reference), 303)


@blueprint.get("/contact/received/<reference>")
def received(reference: str) -> ResponseReturnValue:
    """The same page for every inquiry: whoever knows a reference must not learn from it whether
    the message suggests a crisis. So the crisis lines come first for everyone.
    """
    if not _exists(reference):
        abort(404)
    page = render_template("contact/received.html", reference=reference)
    return page, {"Cache-Control": "no-store"}


def _exists(reference: str) -> bool:
    """Whether there is such an inquiry; True when the database is not available."""
    if not re.fullmatch(REFERENCE_PATTERN, reference):
        return False
    query = select(Inquiry.id).where(Inquiry.reference == reference)
    try:
        with current_services().database.read_session() as session:
            return session.scalar(query) is not None
    except SQLAlchemyError:
        return True


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
    phrases = current_services().clinic.crisis_phrases
    crisis = mentions_crisis(form.inquiry_data().free_text, phrases)
    return render_template("contact/contact.html", form=form, status=status, mentions_crisis=crisis)
