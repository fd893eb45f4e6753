"""``/answered/…``: the page with the button "I have answered this", for staff without a login.

A GET never changes anything, because mail scanners open links.
"""

import logging
from datetime import datetime

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.contact.answered import BY_LINK, LINK_LIFETIME, mark_answered
from app.contact.models import Inquiry, InquiryState
from app.contact.queries import find_inquiry
from app.encryption import UnknownKeyError
from app.services import current_services
from app.web.rate_limits import limiter

log = logging.getLogger("frontdesk.contact")
blueprint = Blueprint("answered", __name__)

LIMIT = "30 per minute; 300 per hour"  # an office may share one address


@blueprint.get("/answered/<token>")
def show(token: str) -> ResponseReturnValue:
    """Show the reference, and the button if it can be pressed."""
    return _handle(token, mark=False)


@blueprint.post("/answered/<token>")
@limiter.limit(LIMIT)
def mark(token: str) -> ResponseReturnValue:
    """Mark the inquiry as answered, then show the page. Pressed again, it changes nothing."""
    return _handle(token, mark=True)


def _handle(token: str, *, mark: bool) -> ResponseReturnValue:
    services = current_services()
    database, reference = services.database, services.inquiries.staff_links.reference(token)
    if reference is None:
        return _page("unknown", 404)
    try:
        with database.session() if mark else database.read_session() as session:
            now = database.now(session)
            inquiry = find_inquiry(session, reference, lock=mark)
            state, status = _state(inquiry, now)
            if mark and inquiry and state == "open":
                mark_answered(session, inquiry, BY_LINK, now, services.inquiries.announcer)
    except (SQLAlchemyError, UnknownKeyError) as error:
        log.error("/answered: the database does not answer: %s", type(error).__name__)
        abort(503)
    return redirect(request.path, 303) if mark else _page(state, status, inquiry)


def _state(inquiry: Inquiry | None, now: datetime) -> tuple[str, int]:
    """What the page says, and its status."""
    if inquiry is None:
        return "unknown", 404
    if inquiry.answered_at:
        return "answered", 200
    if inquiry.state == InquiryState.ERASED:
        return "erased", 410
    if now - inquiry.waiting_since > LINK_LIFETIME:
        return "expired", 410
    return "open", 200


def _page(state: str, status: int, inquiry: Inquiry | None = None) -> ResponseReturnValue:
    zone = current_services().clinic.zone

    def local_time(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%A, %B %-d, %Y, %-I:%M %p}"

    values = {"state": state, "inquiry": inquiry, "local_time": local_time}
    return render_template("contact/answered.html", canonical="", **values), status


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """The address is a secret: keep it out of caches, search engines and other sites' logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
