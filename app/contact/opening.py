"""The opening hours of this minute, for a page that has stayed open for longer."""

from flask import Blueprint, Response, json

from app import clock
from app.clinic import current_clinic, hours

blueprint = Blueprint("opening", __name__)


@blueprint.get("/opening")
def opening() -> Response:
    """JSON: the ``status`` of each location in the clinic's order, and for how many ``seconds``.

    Seconds from now and not a time of day: a visitor's clock may be wrong.
    """
    clinic, now = current_clinic(), clock.now()
    status = [hours.opening_status(place, clinic.zone, now) for place in clinic.locations]
    seconds = (hours.next_change(clinic, now) - now).total_seconds()
    answer = {"status": status, "seconds": round(seconds)}
    response = Response(json.dumps(answer), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
